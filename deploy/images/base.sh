#!/bin/sh
# Makes the image localhost/evergreen-base:0 for our Dockerfiles, where no registry of images can be
# reached: Debian's Python 3.11 out of Debian's packages, laid out as python:3.11-slim-bookworm is (with
# `python` and `pip`, without Perl).   sudo sh deploy/images/base.sh   # needs mmdebstrap and buildah
set -eu

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mmdebstrap --quiet --variant=minbase \
    --include=ca-certificates,netbase,tzdata,python3,python3-venv,python3-pip,python-is-python3 \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='chroot "$1" apt-get purge -qq -y usr-is-merged+ usrmerge perl perl-modules-5.36 >/dev/null' \
    --customize-hook='chroot "$1" apt-get purge -qq -y "?name(^lib.*-perl$)" libperl5.36 >/dev/null' \
    --customize-hook='rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/log/*' \
    bookworm "$folder/base.tar"
printf 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n' > "$folder/Dockerfile"
buildah bud --quiet --format docker --tag localhost/evergreen-base:0 "$folder"
