#!/bin/sh
# Builds Airflow's image and the service's with your packages, pushes and signs them, and deploys them by a
# commit that names them: Argo CD follows.   sh deploy/delivery/release.sh registry.example.com/evergreen
# It builds nothing when neither the Dockerfiles nor the packages have changed since the last ones, and
# nothing again that was deployed before: somebody has taken it back.
set -eu
image="${1:?usage: release.sh IMAGE}"
cd "$(dirname "$0")/../.."
values=deploy/helm/values.yaml overlay=deploy/kubernetes/overlays/production/kustomization.yaml
[ -f requirements.txt ] || { echo "no requirements.txt: the images of Evergreen itself will do"; exit 0; }
running="$(sed -n 's/^defaultAirflowTag: //p' $values)"
tag="$(git log -1 --format=%h --abbrev=12 -- deploy/delivery/Dockerfile deploy/delivery/Dockerfile.serve requirements.txt)"
[ "$tag" != "$running" ] || { echo "$image:$tag is what runs"; exit 0; }
if [ -n "$(git log -1 --format=%h --fixed-strings --grep "Deploy $image:$tag")" ]; then
    echo "$image:$tag was deployed before and taken back; another commit of requirements.txt deploys anew"
    exit 0
fi

release() { # IMAGE DOCKERFILE: its digest, when it is built, pushed and signed
    docker build --file "$2" --tag "$1:$tag" \
        --label org.opencontainers.image.revision="$(git rev-parse HEAD)" . >&2
    docker push "$1:$tag" >&2
    digest="$(docker inspect --format '{{index .RepoDigests 0}}' "$1:$tag")"
    cosign sign --yes "$digest" >&2
    echo "$digest"
}
airflow="$(release "$image" deploy/delivery/Dockerfile)"
serve="$(release "$image-serve" deploy/delivery/Dockerfile.serve)"

sed -i "s#^defaultAirflowTag: .*#defaultAirflowTag: $tag#; s#$image:$running\$#$image:$tag#" deploy/helm/values*.yaml
sed -i "\#newName: $image\(-serve\)\{0,1\}\$#{n;s#newTag: .*#newTag: $tag#}" $overlay
if [ "$(grep -c "newTag: $tag\$" $overlay)" != 2 ]; then
    echo "error: $overlay names no newTag after newName: $image or $image-serve" >&2
    exit 1
fi
git add deploy
git commit --quiet --message "Deploy $image:$tag

$airflow
$serve"
git push --quiet origin HEAD
echo "$airflow"
echo "$serve"
