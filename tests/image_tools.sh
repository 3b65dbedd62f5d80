#!/bin/sh
# Brings what `make test-images` needs and the machine lacks: buildah and mmdebstrap, by apt.
set -eu

missing=""
for program in buildah mmdebstrap; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
if [ "$(id -u)" != 0 ]; then
    echo "error: make test-images mounts file systems: run it as root (in a machine that you can lose)" >&2
    exit 1
fi
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: make test-images needs$missing (on Debian: apt install$missing)" >&2
    exit 1
fi
exec 9> "${TMPDIR:-/tmp}/evergreen-apt.lock" && flock 9 # apt refuses two at once
echo "installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -qq -y --no-install-recommends $missing >/dev/null
