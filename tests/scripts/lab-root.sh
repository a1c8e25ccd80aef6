#!/bin/bash
# Builds the root of the guests that tests/src/lab boots, a Debian 12 of its own with systemd, logind, PAM, polkit, sshd and
# pcscd, into a cache that every working copy with the same script shares, and prints the folder. Takes a minute the
# first time, and nothing after. Nobody writes to it later: each guest has a layer of its own above it.
#
# CLAVIGER_DEBIAN_MIRROR names another mirror than Debian's.
set -euo pipefail
cd "$(dirname "$0")/../lab"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/claviger
# Files of many owners are made, which only root can. The folder stays that of whoever asked.
[ "$(id -u)" = 0 ] || exec sudo env XDG_CACHE_HOME="${cache%/claviger}" "../scripts/$(basename "$0")"

hash=$(cat "../scripts/$(basename "$0")" root-packages.txt root-finish.sh | sha256sum | cut -c 1-16)
folder=$cache/lab-root-$hash
mkdir -p "$cache"
# Test programs that start at the same time wait here for the one that builds.
exec 9>"$cache/lab-root.lock"
flock 9
if [ ! -e "$folder" ]; then
    command -v mmdebstrap >/dev/null || {
        echo "cannot build the guest root: there is no mmdebstrap; run: apt-get install mmdebstrap" >&2
        exit 1
    }
    work=$cache/lab-root-build-$hash
    trap 'rm -rf --one-file-system "$work"' EXIT
    rm -rf --one-file-system "$work"
    options=()
    # The only thing of the host's apt that a mirror may need to be reached.
    proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
    mmdebstrap --quiet --mode=root --variant=minbase \
        --include="$(grep -v '^#' root-packages.txt | paste -s -d ,)" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' "${options[@]}" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt=force-unsafe-io \
        --customize-hook='chroot "$1" sh -eu -s <root-finish.sh' \
        bookworm "$work" ${CLAVIGER_DEBIAN_MIRROR:+"$CLAVIGER_DEBIAN_MIRROR"} >&2 9>&- || {
        echo "cannot build the guest root: mmdebstrap failed, see above; it needs root, and a mirror of Debian 12" \
            "(CLAVIGER_DEBIAN_MIRROR names another than deb.debian.org)" >&2
        exit 1
    }
    # In one step, so that a build that was broken off leaves nothing that looks finished.
    mv "$work" "$folder"
fi
echo "$folder"
