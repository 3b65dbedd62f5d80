#!/bin/sh
# Brings the programs that tests ask for and the machine lacks: chromium, ip and iptables by apt; prometheus,
# alertmanager (with promtool, amtool), pgbouncer, nginx and redis-server into the virtual environment: to
# install their packages would start servers.   system_tools.sh BIN PROGRAM …
set -eu

bin="${1:?usage: system_tools.sh BIN PROGRAM …}"
shift
found() { PATH="$bin:$PATH" command -v "$1" >/dev/null 2>&1; }

missing=""
for program in "$@"; do
    case "$program" in
        chromium) found chromium || found chromium-browser || found google-chrome || missing="$missing chromium" ;;
        prometheus) found prometheus && found promtool || missing="$missing prometheus" ;;
        alertmanager) found prometheus-alertmanager && found amtool || missing="$missing prometheus-alertmanager" ;;
        ip) found ip || missing="$missing iproute2" ;;
        *) found "$program" || missing="$missing $program" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! found apt-get; then
    echo "error: these tests need $*; not all are here: install$missing" \
        "(on Debian, as root: apt install$missing)" >&2
    exit 1
fi

exec 9> "${TMPDIR:-/tmp}/evergreen-apt.lock" && flock 9 # apt refuses two at once
echo "installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
install_quietly() { apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }
extract() { # PACKAGE PROGRAM …: the programs out of the package, which are not started
    folder="$(mktemp -d)"
    chmod 755 "$folder"
    (cd "$folder" && apt-get download -qq "$1" && dpkg-deb --extract "$1"_*.deb .)
    shift
    for program in "$@"; do install "$folder/$program" "$bin/$(basename "$program")"; done
    [ ! -d "$folder/usr/share/prometheus" ] || cp -r "$folder/usr/share/prometheus" /usr/share/ # templates
    rm -r "$folder"
}
for package in $missing; do
    case "$package" in
        prometheus) extract prometheus usr/bin/promtool usr/bin/prometheus ;;
        prometheus-alertmanager) extract "$package" usr/bin/amtool usr/bin/prometheus-alertmanager ;;
        pgbouncer)
            install_quietly libevent-2.1-7 libc-ares2
            extract pgbouncer usr/sbin/pgbouncer
            ;;
        nginx)
            install_quietly libpcre2-8-0
            extract nginx usr/sbin/nginx
            ;;
        redis-server) # which is another name of a program of redis-tools
            install_quietly redis-tools
            ln -sf /usr/bin/redis-check-rdb "$bin/redis-server"
            ;;
        *) install_quietly "$package" ;;
    esac
done
