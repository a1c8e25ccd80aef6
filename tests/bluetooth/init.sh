#!/bin/busybox sh
# The first process of a guest with a kernel of its own. Words of the kernel's command line that the kernel does not know
# are its environment, all of them folders or programs of the host:
#   FOLDERS   with colons between: the guest sees them under the same names, and cannot write to them
#   OUT       the guest's /out, where it may write: `start` is run, `log` and `status` are what it said and gave
#   LAYERS    with colons between, the first on top: the guest's root instead of this one. Its systemd takes over, and
#             `start` is run when everything has started; `journal.log` is what its units said.
# It ends the machine when `start` has ended. What else the guest writes is in memory.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb

# The root is made of folders that all guests share: above them goes a layer of this one's own.
mount -t tmpfs -o mode=0755 guest /mnt
mkdir /mnt/upper /mnt/work /mnt/root
lower=
IFS=:
for layer in ${LAYERS:-}; do
    below=/mnt/layer-${#lower}
    mkdir "$below"
    mount -t hostfs -o "ro,$layer" layer "$below"
    lower=$lower${lower:+:}$below
done
unset IFS
mount -t overlay -o "lowerdir=${lower:-/},upperdir=/mnt/upper,workdir=/mnt/work" guest /mnt/root
root=/mnt/root
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t devtmpfs devtmpfs "$root/dev"
mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/out"
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
if [ -n "$lower" ]; then
    chmod 755 "$root/run"
    cat >"$root/etc/systemd/system/claviger-test.service" <<'UNIT'
[Unit]
Description=What this guest is for
After=multi-user.target
DefaultDependencies=no

[Service]
Type=exec
Environment=HOME=/root LC_ALL=C.UTF-8 TERM=dumb
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/bin/sh -c 'status=0; /bin/sh /out/start </dev/null >/out/log 2>&1 || status=$$?; \
    journalctl --no-pager --output short-precise >/out/journal.log 2>&1; echo $$status >/out/status; sync'
ExecStopPost=systemctl poweroff --force --force
UNIT
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../claviger-test.service "$root/etc/systemd/system/multi-user.target.wants/"
    cd "$root"
    pivot_root . mnt
    # Of this root nothing is to be seen any more.
    exec chroot . /bin/sh -c 'umount --lazy /mnt && exec /sbin/init'
fi
busybox hostname claviger-bluetooth
status=0
busybox chroot "$root" /bin/sh /out/start </dev/null >"$root/out/log" 2>&1 || status=$?
echo "$status" >"$root/out/status"
sync
busybox poweroff -f
