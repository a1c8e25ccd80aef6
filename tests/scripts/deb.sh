#!/bin/bash
# Makes the Debian package of programs that are built: what install.sh installs, with the metadata of daemon/Cargo.toml and
# the scripts of systemd/debian. Prints where it is, OUTPUT, which is target/debian unless told.
#
# PROGRAMS is the folder of the programs (target/release); VERSION another version than the workspace's, for trials.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v cargo-deb >/dev/null || cargo install --locked cargo-deb@3.8.0 >&2
output=${OUTPUT:-$PWD/target/debian}
stage=target/package-root
mkdir -p target "$output"

# The stage is at one place, as Cargo.toml names it: one package at a time.
exec 9>target/package-root.lock
flock 9
rm -rf "$stage"
unset LIBDIR
DESTDIR=$PWD/$stage PREFIX=/usr tests/scripts/install.sh >&2
while IFS= read -r -d '' program; do
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$program"
done < <(find "$stage" -type f \( -perm -u+x -o -name '*.so' \) -print0)
cargo-deb --manifest-path daemon/Cargo.toml --no-build --no-strip --locked --offline --quiet \
    ${VERSION:+--deb-version "$VERSION"} ${FAST:+--fast} --output "$output"
