#!/bin/bash
# Makes a Debian package of programs that are built, and prints where it is:
#
#   deb.sh [claviger]       the PC's: what install.sh installs, with the metadata of daemon/Cargo.toml and the scripts of systemd/debian
#   deb.sh claviger-phone   the phone's: what install-phone.sh installs, with the metadata of phone/agent/Cargo.toml
#
# PROGRAMS is the folder of the programs (target/release), OUTPUT that of the package (target/debian); TARGET what they were built
# for, where that is not this machine; VERSION another version than the workspace's, for trials.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=${1:-claviger}
case $package in
claviger) manifest=daemon/Cargo.toml install=tests/scripts/install.sh ;;
claviger-phone) manifest=phone/agent/Cargo.toml install=tests/scripts/install-phone.sh ;;
*)
    echo "cannot make the package \"$package\": there are claviger and claviger-phone" >&2
    exit 2
    ;;
esac
command -v cargo-deb >/dev/null || cargo install --locked cargo-deb@3.8.0 >&2
output=${OUTPUT:-$PWD/target/debian}
stage=target/package-root
mkdir -p target "$output"
strip=strip
[ "${TARGET:-}" != aarch64-unknown-linux-gnu ] || strip=aarch64-linux-gnu-strip

# The stage is at one place, as the Cargo.tomls name it: one package at a time.
exec 9>target/package-root.lock
flock 9
rm -rf "$stage"
unset LIBDIR
DESTDIR=$PWD/$stage PREFIX=/usr "$install" >&2
while IFS= read -r -d '' program; do
    "$strip" --strip-unneeded --remove-section=.comment --remove-section=.note "$program"
done < <(find "$stage" -type f \( -perm -u+x -o -name '*.so' \) -print0)
cargo-deb --manifest-path "$manifest" --no-build --no-strip --locked --offline --quiet ${TARGET:+--target "$TARGET"} \
    ${VERSION:+--deb-version "$VERSION"} ${FAST:+--fast} --output "$output"
