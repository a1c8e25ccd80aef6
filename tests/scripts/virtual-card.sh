#!/bin/sh
# Builds the virtual card and its reader (tests/virtual-card) into a cache that every working copy with
# the same sources shares, and prints the folder. Takes a minute or two the first time, and nothing after.
set -eu
cd "$(dirname "$0")/../virtual-card"

sources=$(find . -type f -not -path './target/*' -not -name '*.md' | LC_ALL=C sort)
# The list is split into words on purpose: no source has a blank in its name.
# shellcheck disable=SC2086
hash=$(sha256sum $sources | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/claviger
folder=$cache/virtual-card-$hash

mkdir -p "$cache"
# Test programs that start at the same time wait here for the one that builds.
exec 9>"$cache/virtual-card.lock"
flock 9
if [ ! -e "$folder/virtual-card" ]; then
    work=$cache/virtual-card-build-$hash
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/made"
    # Bindings to littlefs are made by libclang, whose own headers Debian has in another, large package; gcc's do.
    BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)" CARGO_TARGET_DIR="$work/target" \
        cargo build --locked --release --quiet >&2
    cp "$work/target/release/virtual-card" "$work/made/"
    strip "$work/made/virtual-card"
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror -O2 -shared -fPIC -o "$work/made/libvirtual_reader.so" \
        $(pkg-config --cflags libpcsclite) reader/virtual_reader.c -ldl
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror -O2 -o "$work/made/cac-applet" \
        $(pkg-config --cflags libcacard) cac/cac_applet.c $(pkg-config --libs libcacard)
    rm -rf "$folder"
    # In one step, so that a build that was broken off leaves nothing that looks finished.
    mv "$work/made" "$folder"
fi
echo "$folder"
