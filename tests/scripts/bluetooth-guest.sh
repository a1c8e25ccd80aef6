#!/bin/bash
# Builds what the guests that tests/src/bluetooth and tests/src/lab/kernel.rs boot are made of, and prints the folder:
# `linux`, a User-Mode Linux with Bluetooth and encrypted volumes, which is an ordinary program, and `root`, a Debian 12 with
# BlueZ, its controller emulator and bumble, an independent Bluetooth stack. It is in a cache that every working copy with
# the same inputs shares. The kernel takes some 6 minutes of a processor the first time, the root half a minute; a change
# of the root builds no kernel. Nobody writes there later: each guest has a layer of its own above it.
#
# CLAVIGER_DEBIAN_MIRROR names another mirror than Debian's, and pip's own settings another than PyPI.
set -euo pipefail
cd "$(dirname "$0")/../bluetooth"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/claviger
# Files of many owners are made, which only root can. The folder stays that of whoever asked.
[ "$(id -u)" = 0 ] || exec sudo env XDG_CACHE_HOME="${cache%/claviger}" \
    CLAVIGER_DEBIAN_MIRROR="${CLAVIGER_DEBIAN_MIRROR:-}" "../scripts/$(basename "$0")"

kernel=$cache/bluetooth-kernel-$(cat kernel.config kernel.sh | sha256sum | cut -c 1-16)
hash=$(cat "../scripts/$(basename "$0")" kernel.config kernel.sh root-packages.txt root-finish.sh requirements.txt init.sh |
    sha256sum | cut -c 1-16)
folder=$cache/bluetooth-guest-$hash
mkdir -p "$cache"

fail() {
    echo "cannot build the Bluetooth guest: $*" >&2
    exit 1
}

# build_root ROOT: a Debian of its own, with the Python packages of requirements.txt by version and hash.
build_root() {
    local options=() proxy=
    # The only thing of the host's apt that a mirror may need to be reached.
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
    # Debian's own pip: another of the user's may be for another Python.
    mmdebstrap --quiet --mode=root --variant=minbase \
        --include="$(grep -v '^#' root-packages.txt | paste -s -d ,)" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' "${options[@]}" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt=force-unsafe-io \
        --customize-hook='/usr/bin/python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check \
            --no-deps --no-compile --only-binary=:all: --require-hashes -r requirements.txt \
            --target "$1/usr/local/lib/python3.11/dist-packages"' \
        --customize-hook='install -m 755 init.sh "$1/sbin/claviger-init"' \
        --customize-hook='chroot "$1" sh -eu -s <root-finish.sh' \
        bookworm "$1" ${CLAVIGER_DEBIAN_MIRROR:+"$CLAVIGER_DEBIAN_MIRROR"} >&2 9>&- ||
        fail "mmdebstrap failed, see above; it needs root, a mirror of Debian 12 (CLAVIGER_DEBIAN_MIRROR names another" \
            "than deb.debian.org) and PyPI"
}

# Test programs that start at the same time wait here for the one that builds.
exec 9>"$cache/bluetooth-guest.lock"
flock 9
if [ ! -e "$folder" ]; then
    for program in mmdebstrap flex bison bc; do
        command -v "$program" >/dev/null || fail "there is no $program; run: tests/scripts/setup.sh"
    done
    work=$cache/bluetooth-guest-build-$hash
    trap 'rm -rf --one-file-system "$work" "$kernel-build"' EXIT
    rm -rf --one-file-system "$work" "$kernel-build"
    mkdir "$work"
    if [ ! -e "$kernel" ]; then
        ./kernel.sh "$kernel-build" "$kernel-build/linux.new" >&2 9>&- ||
            fail "the kernel does not build, see above; it needs the packages of tests/packages.txt and, among the" \
                "sources of apt, Debian 12"
        mv "$kernel-build/linux.new" "$kernel"
    fi
    cp "$kernel" "$work/linux"
    build_root "$work/root"
    # In one step, so that a build that was broken off leaves nothing that looks finished.
    mv "$work" "$folder"
fi
echo "$folder"
