#!/bin/bash
# Runs a command with all that cargo needs to build for arm64, and to run what it built under qemu:
#
#   tests/scripts/arm64.sh cargo test --locked -p claviger-soft
#
# The standard library comes from where the host's Rust has it, else from rustup, else, with a compiler of exactly its version,
# from Debian. CLAVIGER_ARM64_RUST=debian takes Debian's straight away.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/scripts/setup.sh arm64 >&2
target=aarch64-unknown-linux-gnu

has_target() { compgen -G "$(rustc --print target-libdir --target "$target" 2>/dev/null)/libstd-*.rlib" >/dev/null; }

# Where nothing answers, rustup would wait for minutes.
add_target() { command -v rustup >/dev/null && timeout 120 rustup -q target add "$target" >/dev/null 2>&1 && has_target; }

if [ "${CLAVIGER_ARM64_RUST:-}" = debian ] || ! { has_target || add_target; }; then
    rust=$(tests/scripts/arm64-root.sh rust)
    export RUSTC=$rust/usr/bin/rustc RUSTDOC=$rust/usr/bin/rustdoc
    # The compiler's own libraries; the linker and the C compiler that it starts do not mind them.
    export LD_LIBRARY_PATH=$rust/usr/lib/$(cc -print-multiarch)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
echo "Rust for arm64: $("${RUSTC:-rustc}" --version)" >&2

libraries=$(tests/scripts/arm64-root.sh libraries)
export CARGO_BUILD_TARGET=$target
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L $libraries"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
# For the target only: build scripts of this machine find this machine's libraries.
export PKG_CONFIG_ALLOW_CROSS_aarch64_unknown_linux_gnu=1
export PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=$libraries/usr/lib/aarch64-linux-gnu/pkgconfig
export PKG_CONFIG_SYSROOT_DIR_aarch64_unknown_linux_gnu=$libraries
exec "$@"
