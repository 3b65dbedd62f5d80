#!/bin/sh
# Builds Airflow's image with your packages, pushes and signs it, and deploys it by a commit that names it:
# Argo CD follows.   sh deploy/delivery/release.sh registry.example.com/evergreen
# It builds nothing when neither the Dockerfile nor the packages have changed since the last one.
set -eu
image="${1:?usage: release.sh IMAGE}"
cd "$(dirname "$0")/../.."
values=deploy/helm/values.yaml
running="$(sed -n 's/^defaultAirflowTag: //p' $values)"
tag="$(git log -1 --format=%h --abbrev=12 -- deploy/delivery/Dockerfile requirements.txt)"
[ "$tag" != "$running" ] || { echo "$image:$tag is what runs"; exit 0; }

docker build --file deploy/delivery/Dockerfile --tag "$image:$tag" \
    --label org.opencontainers.image.revision="$(git rev-parse HEAD)" .
docker push "$image:$tag"
digest="$(docker inspect --format '{{index .RepoDigests 0}}' "$image:$tag")"
cosign sign --yes "$digest"

sed -i "s#^defaultAirflowTag: .*#defaultAirflowTag: $tag#; s#$image:$running\$#$image:$tag#" deploy/helm/values*.yaml
sed -i "\#newName: $image\$#{n;s#: .*#: $tag#}" deploy/kubernetes/overlays/production/kustomization.yaml
git add deploy
git commit --quiet --message "Deploy $image:$tag

$digest"
git push --quiet origin HEAD
echo "$digest"
