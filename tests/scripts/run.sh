#!/bin/bash
# Runs the daemon for trying it out by hand: on the session bus, or where there is none on a private bus. The state
# stays in target/run/state for the next time; everything else ends with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/scripts/setup.sh
cargo build --release --locked -q -p clavigerd -p claviger

mkdir -p target/run
[ -d target/run/state ] || mkdir -m 700 target/run/state
address=${DBUS_SESSION_BUS_ADDRESS:-}
bus=
if [ -z "$address" ]; then
    address=unix:path=$PWD/target/run/bus
    rm -f target/run/bus
    dbus-daemon --session --nofork --nopidfile --address="$address" &
    bus=$!
    trap 'kill $bus 2>/dev/null' EXIT
    until [ -S target/run/bus ]; do sleep 0.05; done
fi

cat <<TEXT
clavigerd runs on $address until Ctrl-C. In another terminal:

    export CLAVIGER_BUS=$address PATH=$PWD/target/release:\$PATH
    claviger register
    claviger key generate P-256 --label mine
    claviger status

TEXT
trap : INT
target/release/clavigerd --bus "$address" --state-dir "$PWD/target/run/state" --config "$PWD/config/claviger.toml" ||
    { status=$?; [ $status = 130 ] || exit $status; }
