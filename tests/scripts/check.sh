#!/bin/bash
# Holds Claviger against everything that must hold, and says how many checks and tests passed.
# Goes on after a failure, so that one run shows all of them. The output of each step is in target/check/.
set -u
cd "$(dirname "$0")/../.."
tests/scripts/setup.sh || exit 1

logs=$PWD/target/check
rm -rf "$logs" && mkdir -p "$logs" || exit 1
passed=0
failed=0

# step NAME COMMAND...: runs the command, shows its output only if it fails, and counts it. What could not be checked
# is said and counts as neither.
step() {
    local name=$1 log="$logs/${1// /-}.log" start=$SECONDS
    shift
    printf '%-52s ' "$name"
    if ! "$@" >"$log" 2>&1; then
        failed=$((failed + 1))
        printf 'FAILED  %4d s\n' $((SECONDS - start))
        explain "$log" | sed 's/^/    /'
    elif ! grep '^NOT CHECKED' "$log"; then
        passed=$((passed + 1))
        printf 'ok      %4d s\n' $((SECONDS - start))
    fi
}

# What of a log says why: of tests those that failed and what they said, else the end.
explain() {
    if grep -q '^test .* FAILED$' "$1"; then
        grep '^test .* FAILED$' "$1"
        grep -A 4 'panicked at' "$1" | head -n 100
    else
        tail -n 100 "$1"
    fi
}

# The scenarios make processes of several users, so the test programs run as root.
run_tests() {
    export CLAVIGER_BIN_DIR=$PWD/target/debug CLAVIGER_VIRTUAL_CARD_DIR CLAVIGER_LAB_ROOT CLAVIGER_BLUETOOTH_GUEST RUST_TEST_THREADS
    # Scenarios wait more than they compute: for processes, machines, cards and deadlines.
    RUST_TEST_THREADS=$((2 * $(nproc)))
    CLAVIGER_VIRTUAL_CARD_DIR=$(tests/scripts/virtual-card.sh)
    CLAVIGER_LAB_ROOT=$(tests/scripts/lab-root.sh)
    CLAVIGER_BLUETOOTH_GUEST=$(tests/scripts/bluetooth-guest.sh)
    if [ "$(id -u)" != 0 ]; then
        local host
        host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
        export "CARGO_TARGET_${host}_RUNNER=sudo env RUST_TEST_THREADS=$RUST_TEST_THREADS CLAVIGER_BIN_DIR=$CLAVIGER_BIN_DIR CLAVIGER_VIRTUAL_CARD_DIR=$CLAVIGER_VIRTUAL_CARD_DIR CLAVIGER_LAB_ROOT=$CLAVIGER_LAB_ROOT CLAVIGER_BLUETOOTH_GUEST=$CLAVIGER_BLUETOOTH_GUEST"
    fi
    cargo test --workspace --locked --no-fail-fast -- --show-output
}

# Every line `test result: … N passed; M failed; K ignored`: an ignored test is a failure.
count_tests() {
    local tests failures
    tests=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$logs/tests.log")
    failures=$(awk '/^test result:/ { n += $6 + $8 } END { print n + 0 }' "$logs/tests.log")
    echo "    $tests tests passed, $failures failed or ignored"
    passed=$((passed + tests))
    failed=$((failed + failures))
}

deny() {
    command -v cargo-deny >/dev/null || cargo install --locked cargo-deny || return
    cargo deny --locked check bans licenses sources
}

# The advisory database stands on github.com, which not every machine reaches. What was not checked is said.
advisories() {
    if timeout 60 cargo deny fetch db; then
        cargo deny --locked check --disable-fetch advisories
    else
        echo "NOT CHECKED: the RustSec advisory database (github.com/RustSec/advisory-db) cannot be reached"
    fi
}

# Everything that is shipped goes to a folder, once as it is and once again over itself.
installation() {
    local root=$logs/root
    PROGRAMS=target/debug DESTDIR=$root PREFIX=/usr tests/scripts/install.sh &&
        PROGRAMS=target/debug DESTDIR=$root PREFIX=/usr tests/scripts/install.sh &&
        PROGRAMS=target/debug DESTDIR=$root-phone PREFIX=/usr tests/scripts/install-phone.sh &&
        "$root-phone/usr/bin/claviger-phone" --version &&
        "$root/usr/bin/claviger" --version &&
        "$root/usr/bin/claviger-ssh-agent" --version &&
        pkcs11-tool --module "$root/usr/lib/$(cc -print-multiarch)/pkcs11/libclaviger_pkcs11.so" --show-info |
        grep '^Manufacturer  *Claviger$' &&
        "$root/usr/libexec/clavigerd" --check-config --config "$root/etc/claviger/claviger.toml" &&
        "$root/usr/libexec/clavigerd" --print-introspection || return
    # The sandbox: systemd's own measure, 0.0 is closed and 10.0 open; --threshold is in tenths. The prompter's unit is
    # left out: it starts pinentry on the user's own screen, and what it may do is what that user may do anyway.
    local unit
    for unit in clavigerd.service claviger-opensc@.service; do
        systemd-analyze security --offline=true --threshold=10 "$root/usr/lib/systemd/system/$unit" || return
    done
}

# The table that the vectors print: for each mechanism how many were run, accepted and rejected.
show_vectors() {
    sed -n '/^---- every_mechanism_passes_its_vectors stdout ----$/,/^$/p' "$logs/tests.log" | sed '1d;/^$/d;s/^/    /'
}

# The demo in full; openssl itself must have said five times that it verified.
demo() {
    PROGRAMS=target/debug tests/scripts/demo.sh | tee "$logs/demo.out"
    [ "${PIPESTATUS[0]}" = 0 ] && [ "$(grep -c '^Verified OK$' "$logs/demo.out")" = 5 ]
}

step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "virtual card" tests/scripts/virtual-card.sh
step "guest root" tests/scripts/lab-root.sh
step "bluetooth guest" tests/scripts/bluetooth-guest.sh
# With the test programs: what they ask of libraries decides how these are built, and once is enough.
step "build" cargo build --workspace --all-targets --locked
step "package" env PROGRAMS=target/debug FAST=1 OUTPUT="$logs/deb" tests/scripts/deb.sh
step "package of the phone" env PROGRAMS=target/debug FAST=1 OUTPUT="$logs/deb" tests/scripts/deb.sh claviger-phone
step "tests" run_tests
count_tests
show_vectors
step "demo" demo
step "acceptance" target/debug/acceptance "$logs/tests.log"
step "installation and sandbox" installation
step "documentation" env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
step "licences and sources of dependencies" deny
step "known vulnerabilities of dependencies" advisories
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
