#!/bin/sh
# enter.sh LEADER GROUPS COMMAND...: runs a command in the guest whose first process is LEADER.
#
# It belongs to the guest's control groups, but to none of its units or sessions. It dies when its starter does, though
# not what it has started itself: that ends with the guest.
set -eu
leader=$1 groups=$2
shift 2
for group in $groups; do echo $$ >"$group/cgroup.procs"; done
exec nsenter --target "$leader" --all -- setpriv --pdeathsig KILL -- "$@"
