#!/bin/busybox sh
# The first process of a Bluetooth guest. Words of the kernel's command line that the kernel does not know are its
# environment, all of them folders or programs of the host:
#   FOLDERS   with colons between: the guest sees them under the same names, and cannot write to them
#   OUT       the guest's /out, where it may write: `start` is run, `log` and `status` are what it said and gave
# It ends the machine when `start` has ended. What else the guest writes is in memory.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb

# The root is a folder that all guests share: above it goes a layer of this one's own.
mount -t tmpfs -o mode=0755 guest /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work guest /mnt/root
root=/mnt/root
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t devtmpfs devtmpfs "$root/dev"
mkdir -p "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts"
for folder in dev/shm run tmp; do mount -t tmpfs -o mode=1777 guest "$root/$folder"; done
mount -t hostfs -o "$OUT" out "$root/out"
IFS=:
for folder in $FOLDERS; do
    mkdir -p "$root$folder"
    mount -t hostfs -o "ro,$folder" host "$root$folder"
done
unset IFS

busybox ifconfig lo up
busybox hostname claviger-bluetooth
status=0
busybox chroot "$root" /bin/sh /out/start </dev/null >"$root/out/log" 2>&1 || status=$?
echo "$status" >"$root/out/status"
sync
busybox poweroff -f
