#!/bin/sh
# Puts what a phone needs where it belongs, and nothing of the PC's: DESTDIR (default none), PREFIX (default /usr). PROGRAMS is the
# folder of the program (default target/release). The Debian package claviger-phone is made of what this installs (deb.sh).
set -eu
cd "$(dirname "$0")/../.."
programs=${PROGRAMS:-target/release}
bare=${PREFIX:-/usr}
prefix=${DESTDIR:-}$bare
[ -e "$programs/claviger-phone" ] || {
    echo "cannot install: there is no $programs/claviger-phone; run first: make build (for arm64: make phone-arm64)" >&2
    exit 1
}

install -D -m 755 "$programs/claviger-phone" "$prefix/bin/claviger-phone"
unit=$prefix/lib/systemd/user/claviger-phone.service
install -D -m 644 systemd/user/claviger-phone.service "$unit"
sed -i "s|/usr/bin/|$bare/bin/|g" "$unit"
# Of section 8: claviger-phone(1) is the command `claviger phone`.
for page in docs/man/claviger-phone*.8; do
    [ ! -e "$page" ] || install -D -m 644 "$page" "$prefix/share/man/man8/$(basename "$page")"
done
install -D -m 644 docs/completions/claviger-phone.bash "$prefix/share/bash-completion/completions/claviger-phone"
install -D -m 644 docs/completions/_claviger-phone "$prefix/share/zsh/vendor-completions/_claviger-phone"
install -D -m 644 docs/completions/claviger-phone.fish "$prefix/share/fish/vendor_completions.d/claviger-phone.fish"
install -D -m 644 docs/phone.md "$prefix/share/doc/claviger-phone/phone.md"
