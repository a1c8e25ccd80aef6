#!/bin/bash
# Builds claviger-phone for arm64 (glibc), says what it needs, tries under qemu that it starts, and makes the Debian package of it.
# CLAVIGER_ARM64_RUST=debian builds with Debian's Rust even where rustup has the target (see arm64.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
arm64=tests/scripts/arm64.sh
folder=${CARGO_TARGET_DIR:-target}/aarch64-unknown-linux-gnu/release
program=$folder/claviger-phone

$arm64 cargo build --release --locked -p claviger-phone

header=$(LC_ALL=C aarch64-linux-gnu-readelf --file-header "$program")
grep -q 'Class: *ELF64' <<<"$header" && grep -q 'Machine: *AArch64' <<<"$header" || {
    echo "cannot use $program: it is no program for arm64" >&2
    exit 1
}
# Of the versions that the symbols name, the highest is the oldest glibc that will do.
glibc=$(LC_ALL=C aarch64-linux-gnu-readelf --version-info --wide "$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
libraries=$(LC_ALL=C aarch64-linux-gnu-readelf --dynamic --wide "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -s -d ' ')

# What the package says that it depends on, besides gcc's own library.
promised=$(sed -n 's/^depends = .*libc6 (>= \([0-9.]*\)).*/\1/p' phone/agent/Cargo.toml)
[ -n "$promised" ] && [ "$(printf '%s\n' "${glibc#GLIBC_}" "$promised" | sort -V | tail -n 1)" = "$promised" ] || {
    echo "cannot package $program: it needs glibc ${glibc#GLIBC_}, and the package says ${promised:-nothing of it}" >&2
    exit 1
}
for library in $libraries; do
    case $library in
    libc.so.6 | libm.so.6 | ld-linux-aarch64.so.1 | libgcc_s.so.1) continue ;;
    libpcsclite.so.1) package=libpcsclite1 ;;
    *) package= ;;
    esac
    [ -n "$package" ] && grep -q "^depends = .*\b$package\b" phone/agent/Cargo.toml || {
        echo "cannot package $program: it needs $library, and the package depends on nothing that has it" >&2
        exit 1
    }
done

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
root=$(tests/scripts/arm64-root.sh libraries)
said=$(qemu-aarch64 -L "$root" "$program" --version)
[ "$said" = "claviger-phone $version" ] || {
    echo "cannot use $program: under qemu it says \"$said\", and not claviger-phone $version" >&2
    exit 1
}

echo "$program: $(stat -c %s "$program") bytes; under qemu it says \"$said\""
echo "It needs glibc ${glibc#GLIBC_} or newer, and of libraries: $libraries"
PROGRAMS=$folder TARGET=aarch64-unknown-linux-gnu tests/scripts/deb.sh claviger-phone
