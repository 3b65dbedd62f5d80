#!/bin/sh
# Builds both images, with buildah where it is, else with Docker, and tells their sizes and digests.
#   BASE_IMAGE=…        another base than the pinned python:3.11 (an image that has Python 3.11 and pip)
#   EVERGREEN_COMMIT=…  what the images are labelled with; by default the checkout's commit
#   IMAGE_PREFIX=…      as ghcr.io/you/ before their names
set -eu
cd "$(dirname "$0")/../.."

version="$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"
commit="${EVERGREEN_COMMIT-$(git rev-parse HEAD 2>/dev/null || true)}"
if command -v buildah >/dev/null; then engine=buildah; else engine=docker; fi
command -v "$engine" >/dev/null || { echo "error: neither buildah nor docker is here" >&2; exit 1; }

build() { # NAME DOCKERFILE
    set -- --tag "${IMAGE_PREFIX:-}$1:$version" --file "$2" --build-arg EVERGREEN_COMMIT="$commit"
    [ -z "${BASE_IMAGE:-}" ] || set -- "$@" --build-arg BASE_IMAGE="$BASE_IMAGE"
    case "$engine" in
        docker) docker build --quiet "$@" . ;;
        # The machine's certificates, for those behind a proxy of their company's; no layer holds them.
        buildah) buildah bud --quiet --format docker --volume /etc/ssl/certs:/etc/ssl/certs:ro "$@" . ;;
    esac
}

build evergreen-serve Dockerfile.serve
build evergreen Dockerfile
"$engine" images --digests
