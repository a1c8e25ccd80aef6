#!/bin/bash
# Shows the main job from end to end on a private bus and a temporary state folder, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/scripts/setup.sh

step() { printf '\n== %s\n' "$*"; }

# Runs a command after showing it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

# PROGRAMS is where built programs lie already, as for install.sh. What is built here is not optimised: it shows the same,
# and is there in a third of the time.
if [ -z "${PROGRAMS:-}" ]; then
    step "Build"
    cargo build --locked -q -p clavigerd -p claviger -p claviger-phone -p claviger-ssh-agent
    PROGRAMS=target/debug
fi
programs=$(realpath "$PROGRAMS")
clavigerd=$programs/clavigerd
claviger() { "$programs/claviger" "$@"; }
. tests/scripts/card.sh
. tests/scripts/phone.sh

step "Build a virtual card (a minute, the first time)"
virtual_card=$(tests/scripts/virtual-card.sh)
ls "$virtual_card"

folder=$(mktemp -d /tmp/claviger-demo-XXXXXX)
finish() {
    status=$?
    trap - EXIT
    # Only what this script started.
    for pid in ${agent:-} ${daemon:-} ${bus:-} ${card:-} ${pcscd:-} ${phone:-} ${cable:-}; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
    [ "$status" = 0 ] || echo "The demo failed (exit code $status)." >&2
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$folder"

start_card "$folder/card" "$virtual_card"

step "Start a private bus, and the daemon on it with a temporary state folder"
export CLAVIGER_BUS=unix:path=$folder/bus
dbus-daemon --session --nofork --nopidfile --address="$CLAVIGER_BUS" 2>bus.log &
bus=$!
deadline=$((SECONDS + 30))
until busctl --address="$CLAVIGER_BUS" list >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { cat bus.log; echo "the private bus did not come up" >&2; exit 1; }
    sleep 0.05
done
mkdir -m 700 state
touch claviger.toml
"$clavigerd" --bus "$CLAVIGER_BUS" --state-dir "$folder/state" --config claviger.toml 2>daemon.log &
daemon=$!
until busctl --address="$CLAVIGER_BUS" status org.claviger.KeyStore1 >/dev/null 2>&1; do
    kill -0 $daemon 2>/dev/null && [ $SECONDS -lt $deadline ] || { cat daemon.log; echo "the daemon did not come up" >&2; exit 1; }
    sleep 0.05
done
echo "clavigerd is on $CLAVIGER_BUS"

step "Register and unlock (the pass phrase goes through a pipe, never through an argument)"
passphrase='a pass phrase for the demo'
show claviger register --passphrase-file - < <(printf %s "$passphrase")
show claviger unlock --passphrase-fd 3 3< <(printf %s "$passphrase")

step "Generate a P-256 and an RSA-2048 key"
show claviger key generate P-256 --label demo-p256
show claviger key generate RSA-2048 --label demo-rsa
claviger key show demo-p256 --public --format pem >p256.pem
claviger key show demo-rsa --public --format pem >rsa.pem

step "Sign a file with busctl and the P-256 key: bytes in, bytes out, nothing of Claviger's on this side"
echo 'The file that both sign.' >message
mapfile -t bytes < <(od -An -v -tu1 -w1 message | tr -d ' ')
echo "\$ busctl call org.claviger.KeyStore1 /org/claviger/KeyStore1 org.claviger.KeyStore1.Keys \\"
echo "      Sign 'ssaya{sv}' demo-p256 ECDSA_SHA256 ${#bytes[@]} ${bytes[*]:0:6} … 1 format s der"
reply=$(busctl --address="$CLAVIGER_BUS" call org.claviger.KeyStore1 /org/claviger/KeyStore1 \
    org.claviger.KeyStore1.Keys Sign 'ssaya{sv}' demo-p256 ECDSA_SHA256 \
    "${#bytes[@]}" "${bytes[@]}" 1 format s der)
echo "${reply:0:60}…"
# The reply is "ay COUNT BYTE BYTE …".
read -r kind count signature <<<"$reply"
[ "$kind" = ay ] || { echo "busctl answered: $reply" >&2; exit 1; }
for byte in $signature; do printf "\\x$(printf %02x "$byte")"; done >p256.signature
[ "$(stat -c %s p256.signature)" = "$count" ]
show openssl dgst -sha256 -verify p256.pem -signature p256.signature message

step "Sign the same file with claviger and the RSA key"
show claviger sign --key demo-rsa --mechanism SHA256_RSA_PKCS -o rsa.signature message
show openssl dgst -sha256 -verify rsa.pem -signature rsa.signature message

step "openssl refuses both signatures for another file"
echo 'Another file.' >other
for key in p256 rsa; do
    if openssl dgst -sha256 -verify $key.pem -signature $key.signature other; then
        echo "openssl verified a signature of something else" >&2
        exit 1
    fi
done 2>/dev/null

step "Status"
show claviger status

step "A smart card, in a reader and a smart card service of its own: enrol it, and make a key on it"
printf 123456 >pin
show claviger card list
show claviger card enrol --pin-file pin
show claviger key generate P-256 --location card --slot 9a --label demo-card --default-management-key
claviger key show demo-card --public --format pem >card.pem

step "Make it the default key: the same call signs by the card"
show claviger key default demo-card --purpose sign
show claviger sign -o card.signature message
show openssl dgst -sha256 -verify card.pem -signature card.signature message

step "git signs by it too, through the ssh-agent: its settings name no key"
export GIT_CONFIG_GLOBAL=$folder/gitconfig GIT_CONFIG_NOSYSTEM=1
eval "$("$programs/claviger-ssh-agent" -s -a "$folder/ssh-agent.sock")" >agent.log
agent=$SSH_AGENT_PID
printf '#!/bin/sh\necho "key::$("%s" key show --public --format ssh)"\n' "$programs/claviger" >default-key
chmod 755 default-key
ssh-add -L | sed 's/^/alice@example.org /' >signers
git config --global user.name Alice
git config --global user.email alice@example.org
git config --global init.defaultBranch main
git config --global gpg.format ssh
git config --global commit.gpgSign true
git config --global gpg.ssh.defaultKeyCommand "$folder/default-key"
git config --global gpg.ssh.allowedSignersFile "$folder/signers"
git init -q project
cd project
show git commit --allow-empty -m one
show git verify-commit HEAD
cd ..
kill "$agent"
agent=

step "Pull the card, and put it back"
tell_card remove
wait_for_card absent
if show claviger sign -o card.signature message; then
    echo "a card that is not there signed" >&2
    exit 1
fi 2>&1
tell_card insert
wait_for_card locked
show claviger card unlock --pin-file pin
show claviger sign -o card.signature message
show openssl dgst -sha256 -verify card.pem -signature card.signature message

step "A phone, on a cable: pair it by the URI; the person at the phone says yes"
start_phone "$folder/phone" "$programs/claviger-phone"
echo "\$ claviger phone pair --link serial:$phone_tty | claviger-phone pair"
claviger phone pair --link "serial:$phone_tty" >paired 2>pairing.log &
pairing=$! pairing_deadline=$((SECONDS + 30))
until [ -s paired ]; do
    kill -0 $pairing 2>/dev/null && [ $SECONDS -lt $pairing_deadline ] || { cat pairing.log; echo "no pairing URI came" >&2; exit 1; }
    sleep 0.05
done
"$programs/claviger-phone" --state-dir "$folder/phone/state" pair < <(head -n 1 paired) &
phone_pairing=$!
person y
wait $pairing
wait $phone_pairing
show claviger phone list

step "Make a key on the phone, and make it the default key"
echo '$ claviger key generate P-256 --location phone --label demo-phone'
claviger key generate P-256 --location phone --label demo-phone &
person y
wait $!
show claviger key default demo-phone --purpose sign
claviger key show demo-phone --public --format pem >phone.pem

step "The same call signs by the phone, after a yes"
echo '$ claviger sign -o phone.signature message'
claviger sign -o phone.signature message &
person y
wait $!
show openssl dgst -sha256 -verify phone.pem -signature phone.signature message

step "And not after a no"
echo '$ claviger sign -o phone.signature message'
claviger sign -o phone.signature message 2>&1 &
person n
if wait $!; then
    echo "the phone signed after a no" >&2
    exit 1
fi

step "The phone goes away"
unplug_phone
wait_for_phone unreachable
if show claviger sign -o phone.signature message; then
    echo "a phone that is not there signed" >&2
    exit 1
fi 2>&1
kill $phone
wait $phone || true
phone=

step "Stop the daemon and the bus, remove the state folder"
kill -TERM $daemon
wait $daemon || { cat daemon.log; echo "the daemon did not stop cleanly" >&2; exit 1; }
daemon=
kill $bus $card $pcscd
wait $bus || true
bus= card= pcscd=
echo "Done."
