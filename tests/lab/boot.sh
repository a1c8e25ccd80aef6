#!/bin/bash
# boot.sh MACHINE FOLDER LOWER...: boots a guest, and ends it when the standard input ends.
#
# The guest's root is an overlay: the LOWER folders, the first on top, and above them a file system in memory that goes
# with it. The mounts are in a mount namespace of this script's own, so that they vanish with it however it ends.
# NOTIFY_SOCKET hears X_NSPAWN_LEADER_PID=, the guest's first process, and READY=1 when the guest has started.
# FOLDER gets `console`: what the guest and nspawn say.
set -euo pipefail
[ "$1" = --inside ] || exec unshare --mount --propagation private "$0" --inside "$@"
shift
machine=$1 folder=$2
shift 2
layers=$(IFS=:; echo "$*")

mkdir "$folder/disk"
mount -t tmpfs -o mode=0755,size=2g claviger-lab "$folder/disk"
mkdir "$folder/disk/upper" "$folder/disk/work" "$folder/disk/root"
mount -t overlay -o "lowerdir=$layers,upperdir=$folder/disk/upper,workdir=$folder/disk/work" claviger-lab "$folder/disk/root"

# The guest's systemd needs a control group of its own to make its own below: in the hierarchy of version 2 alone, or in
# both that systemd uses where version 1 is mounted too.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    groups=(/sys/fs/cgroup/"$machine")
else
    # A machine without systemd may not have the one that systemd names its own.
    groups=(/sys/fs/cgroup/{unified,systemd}/"$machine")
    for group in "${groups[@]}"; do
        [ -d "${group%/*}" ] || { echo "cannot boot a guest: ${group%/*} is not mounted" >&2; exit 1; }
    done
fi
mkdir "${groups[@]}"

# However it ends, nothing of the guest stays: neither processes, those that were started into it included, nor groups.
end() { echo 1 >"${groups[0]}/cgroup.kill"; }
clean_up() {
    local deadline=$((SECONDS + 20))
    end
    while find "${groups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null; [ -d "${groups[0]}" ] || [ -d "${groups[-1]}" ]; do
        [ $SECONDS -lt $deadline ] || { echo "the control groups of $machine stay" >&2; break; }
        sleep 0.01
    done
}
trap clean_up EXIT

(
    for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
    exec systemd-nspawn --quiet --register=no --keep-unit --machine="$machine" --directory="$folder/disk/root" \
        --private-network --resolv-conf=off --timezone=off --link-journal=no --notify-ready=yes \
        --console=pipe --boot </dev/null >"$folder/console" 2>&1
) &
guest=$!
# It may not have joined its group yet.
{ read -r _ || { end; kill -KILL "$guest"; }; } <&0 2>/dev/null &
reader=$!
status=0
wait "$guest" 2>/dev/null || status=$?
kill "$reader" 2>/dev/null || true
exit "$status"
