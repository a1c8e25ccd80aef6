#!/bin/sh
# Installs what is missing of tests/packages.txt, and says how to get Rust where it is missing.
# Does nothing, and needs no network, when everything is there.
#
# `setup.sh arm64` installs also what is missing of tests/arm64-packages.txt, which make demo and make check do not need.
set -eu
cd "$(dirname "$0")/../.."
case ${1:-} in
'') lists=tests/packages.txt ;;
arm64) lists="tests/packages.txt tests/arm64-packages.txt" ;;
*)
    echo "cannot set up \"$1\": only \"arm64\" is known" >&2
    exit 2
    ;;
esac

oldest_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

missing=
# The lists are split into words on purpose.
# shellcheck disable=SC2086
for package in $(grep -hv '^#' $lists); do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || status=
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
        echo "cannot install$missing: neither root nor sudo; run as root: apt-get install$missing" >&2
        exit 1
    fi
    echo "Installing$missing"
    $sudo apt-get update -qq
    # The list is split into words on purpose.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    echo "cannot run cargo: $HOME/.cargo/bin is not in PATH; first run: . $HOME/.cargo/env" >&2
    exit 1
fi
if ! command -v cargo >/dev/null; then
    cat >&2 <<TEXT
cannot find Rust: Claviger needs Rust $oldest_rust or newer, and Debian 12 has an older one. Install it with rustup:
    apt-get install curl && curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . "\$HOME/.cargo/env"
TEXT
    exit 1
fi

rust=$(rustc --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$oldest_rust" "$rust" | sort -V | head -n 1)" != "$oldest_rust" ]; then
    echo "cannot build with Rust $rust: Claviger needs $oldest_rust or newer; run: rustup update stable" >&2
    exit 1
fi
