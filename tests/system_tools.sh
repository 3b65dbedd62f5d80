#!/bin/sh
# Brings what `make test-system` needs and the machine lacks: chromium by apt, and promtool into the
# virtual environment, out of a package whose installation would start a server.
set -eu

bin="${1:?usage: system_tools.sh BIN}"
found() { PATH="$bin:$PATH" command -v "$1" >/dev/null 2>&1; }

missing=""
found chromium || found chromium-browser || found google-chrome || missing="$missing chromium"
found promtool || missing="$missing prometheus"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! found apt-get; then
    echo "error: make test-system needs chromium and promtool, and not all are here:" \
        "install$missing (on Debian, as root: apt install$missing)" >&2
    exit 1
fi

echo "installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
case "$missing" in *chromium*) apt-get install -qq -y --no-install-recommends chromium >/dev/null ;; esac
case "$missing" in *prometheus*)
    folder="$(mktemp -d)"
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -qq prometheus && dpkg-deb --extract prometheus_*.deb .)
    install "$folder/usr/bin/promtool" "$bin/promtool"
    rm -r "$folder"
    ;;
esac
