#!/bin/sh
# Runs a command in the root file system of an image as Kubernetes would: nobody special, no
# capabilities, everything read-only but the volume and /tmp. As root, in a mount namespace of its own:
#   unshare --mount --pid --fork --kill-child sh sealed.sh ROOT VOLUME [NAME=VALUE…] COMMAND…
set -eu
root="$1" volume="$2"
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$volume" "$root/var/lib/evergreen"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,ro,bind "$root"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all \
    chroot --userspec=50000:50000 --groups=50000 "$root" env -i -C /opt/evergreen "$@"
