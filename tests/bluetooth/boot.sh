#!/bin/sh
# boot.sh GUEST OUT FOLDERS [LAYERS]: boots a guest out of the folder that tests/scripts/bluetooth-guest.sh prints, and
# ends when it has ended; init.sh says what OUT, FOLDERS and LAYERS are to it. OUT gets `console` as well: what the kernel
# says.
#
# The kernel's processes are in a process namespace of their own, so that they all vanish with this script however it ends:
# those in which the guest's programs run outlive their kernel otherwise. Its first process is this shell, as the kernel
# must be able to kill itself.
set -eu
[ "$1" = --inside ] || exec unshare --pid --fork --kill-child=KILL -- "$0" --inside "$@"
shift
guest=$1 out=$2 folders=$3 layers=${4:-}
"$guest/linux" mem=768M rootfstype=hostfs rootflags="$guest/root" ro init=/sbin/claviger-init \
    con=null con0=null,fd:1 quiet panic=-1 uml_dir="$out/" OUT="$out" FOLDERS="$folders" \
    ${layers:+LAYERS="$layers"} \
    </dev/null >"$out/console" 2>&1
