#!/bin/sh
# Brings what `make test-system` needs and the machine lacks: chromium by apt; prometheus, alertmanager
# (with promtool, amtool), pgbouncer and nginx (and redis-server, where it is asked for) into the virtual
# environment: to install their packages would start servers. With redis-server: also what makes another host.
set -eu

bin="${1:?usage: system_tools.sh BIN [redis-server]}"
found() { PATH="$bin:$PATH" command -v "$1" >/dev/null 2>&1; }

missing=""
found chromium || found chromium-browser || found google-chrome || missing="$missing chromium"
found prometheus && found promtool || missing="$missing prometheus"
found prometheus-alertmanager && found amtool || missing="$missing prometheus-alertmanager"
found pgbouncer || missing="$missing pgbouncer"
found nginx || missing="$missing nginx"
if [ -n "${2:-}" ]; then
    found "$2" || missing="$missing $2"
    found ip || missing="$missing iproute2"
    found iptables || missing="$missing iptables"
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! found apt-get; then
    echo "error: make test-system needs chromium, prometheus, alertmanager, pgbouncer and nginx; not all are here:" \
        "install$missing (on Debian, as root: apt install$missing)" >&2
    exit 1
fi

exec 9> "${TMPDIR:-/tmp}/evergreen-apt.lock" && flock 9 # apt refuses two at once
echo "installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
case "$missing" in *chromium*) apt-get install -qq -y --no-install-recommends chromium >/dev/null ;; esac
extract() { # PACKAGE PROGRAM …: the programs out of the package, which are not started
    folder="$(mktemp -d)"
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -qq "$1" && dpkg-deb --extract "$1"_*.deb .)
    shift
    for program in "$@"; do install "$folder/$program" "$bin/$(basename "$program")"; done
    [ ! -d "$folder/usr/share/prometheus" ] || cp -r "$folder/usr/share/prometheus" /usr/share/ # templates
    rm -r "$folder"
}
case "$missing " in *" prometheus "*) extract prometheus usr/bin/promtool usr/bin/prometheus ;; esac
case "$missing" in *alertmanager*) extract prometheus-alertmanager usr/bin/amtool usr/bin/prometheus-alertmanager ;; esac
case "$missing" in *pgbouncer*)
    apt-get install -qq -y --no-install-recommends libevent-2.1-7 libc-ares2 >/dev/null
    extract pgbouncer usr/sbin/pgbouncer
    ;;
esac
case "$missing" in *nginx*)
    apt-get install -qq -y --no-install-recommends libpcre2-8-0 >/dev/null
    extract nginx usr/sbin/nginx
    ;;
esac
for package in iproute2 iptables; do # programs, which start nothing
    case "$missing " in *" $package "*) apt-get install -qq -y --no-install-recommends "$package" >/dev/null ;; esac
done
case "$missing" in *redis-server*) # which is another name of a program of redis-tools
    apt-get install -qq -y --no-install-recommends redis-tools >/dev/null
    ln -sf /usr/bin/redis-check-rdb "$bin/redis-server"
    ;;
esac
