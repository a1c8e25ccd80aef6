#!/bin/bash
# Runs the daemon for trying it out by hand: on the session bus, or where there is none on a private bus. The state
# stays in target/run/state for the next time; everything else ends with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/scripts/setup.sh
cargo build --release --locked -q -p clavigerd -p claviger -p claviger-opensc

mkdir -p target/run
[ -d target/run/state ] || mkdir -m 700 target/run/state
address=${DBUS_SESSION_BUS_ADDRESS:-}
bus=
# As systemd does it in service: a helper for each connection, for cards that only OpenSC knows.
rm -f target/run/opensc.sock
systemd-socket-activate --accept --inetd -l "$PWD/target/run/opensc.sock" -E PCSCLITE_CSOCK_NAME \
    target/release/claviger-opensc 2>/dev/null &
opensc=$!
trap 'kill $opensc $bus 2>/dev/null' EXIT
cp config/claviger.toml target/run/claviger.toml
mkdir -p target/run/claviger.d
printf '[cards]\nopensc-socket = "%s"\n' "$PWD/target/run/opensc.sock" >target/run/claviger.d/run.toml
if [ -z "$address" ]; then
    address=unix:path=$PWD/target/run/bus
    rm -f target/run/bus
    dbus-daemon --session --nofork --nopidfile --address="$address" &
    bus=$!
    until [ -S target/run/bus ]; do sleep 0.05; done
fi

cat <<TEXT
clavigerd runs on $address until Ctrl-C. In another terminal:

    export CLAVIGER_BUS=$address PATH=$PWD/target/release:\$PATH
    claviger register
    claviger key generate P-256 --label mine
    claviger card list
    claviger status

TEXT
trap : INT
target/release/clavigerd --bus "$address" --state-dir "$PWD/target/run/state" --config "$PWD/target/run/claviger.toml" ||
    { status=$?; [ $status = 130 ] || exit $status; }
