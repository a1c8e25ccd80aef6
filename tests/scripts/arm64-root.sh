#!/bin/bash
# Fetches packages of Debian 12 into a folder in the cache and prints it, without a foreign architecture on the host and without
# root:
#
#   arm64-root.sh libraries   what programs for arm64 are linked against, and run with under qemu
#   arm64-root.sh rust        Debian's newest Rust with its standard library for arm64, where rustup cannot fetch one
#
# CLAVIGER_DEBIAN_MIRROR names another mirror than Debian's; its security updates are then at that address with -security.
set -euo pipefail

kind=${1:-}
case $kind in
# libc and libgcc to run; pcsclite for tokens/card.
libraries) packages="libc6:arm64 libgcc-s1:arm64 libpcsclite1:arm64 libpcsclite-dev:arm64" ;;
# The standard library of the compiler's own machine is for build scripts and macros. Both are of one version, or do not fit.
rust) packages="rustc-web:amd64 libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64" ;;
*)
    echo "cannot fetch \"$kind\": say \"libraries\" or \"rust\"" >&2
    exit 2
    ;;
esac
[ "$kind" = libraries ] || [ "$(dpkg --print-architecture)" = amd64 ] || {
    echo "cannot take Debian's Rust: this script knows it for amd64 only; run: rustup target add aarch64-unknown-linux-gnu" >&2
    exit 1
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/claviger
hash=$(sha256sum <"${BASH_SOURCE[0]}" | cut -c 1-16)
folder=$cache/arm64-$kind-$hash
mkdir -p "$cache"
# Those that start at the same time wait here for the one that fetches.
exec 9>"$cache/arm64-$kind.lock"
flock 9
if [ -e "$folder" ]; then
    echo "$folder"
    exit
fi

work=$cache/arm64-$kind-build-$hash
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work"/{apt/etc/apt.conf.d,apt/etc/preferences.d,apt/state/lists/partial,apt/cache/archives/partial,debs,root/usr/lib}
mirror=${CLAVIGER_DEBIAN_MIRROR:-http://deb.debian.org/debian}
for suite in "$mirror bookworm" "$mirror bookworm-updates" "${mirror%/}-security bookworm-security"; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $suite main"
done >"$work/apt/sources.list"
: >"$work/apt/status"
# The only thing of the host's apt that a mirror may need to be reached.
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
cat >"$work/apt/apt.conf" <<CONF
Dir::Etc "$work/apt/etc";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::State "$work/apt/state";
Dir::State::Status "$work/apt/status";
Dir::Cache "$work/apt/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
${proxy:+Acquire::http::Proxy "$proxy";}
CONF
export APT_CONFIG=$work/apt/apt.conf

# needs PACKAGE PATTERN: the package that PACKAGE depends on, whose name carries a version.
needs() { apt-cache depends "$1" | sed -n "s/^ *Depends: \($2\)\$/\1/p"; }

fetch() {
    apt-get -qq update || return
    if [ "$kind" = rust ]; then
        local library llvm
        library=$(needs libstd-rust-web-dev:amd64 'libstd-rust-web-[0-9.]*')
        llvm=$(needs "$library:amd64" 'libllvm[0-9]*')
        packages="$packages $library:amd64 $library:arm64 $llvm:amd64"
    fi
    # The list is split into words on purpose.
    # shellcheck disable=SC2086
    (cd "$work/debs" && apt-get -qq download $packages)
}
fetch >&2 || {
    echo "cannot fetch $packages: see above; a mirror of Debian 12 is needed (CLAVIGER_DEBIAN_MIRROR names another than deb.debian.org)" >&2
    exit 1
}
# Some packages still say /lib where others say /usr/lib.
ln -s usr/lib "$work/root/lib"
for deb in "$work"/debs/*.deb; do
    dpkg-deb --extract "$deb" "$work/root"
done
# In one step, so that what was broken off leaves nothing that looks finished.
mv "$work/root" "$folder"
echo "$folder"
