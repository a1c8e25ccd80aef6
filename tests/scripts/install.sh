#!/bin/sh
# Puts everything where the names that scripts rely on say: DESTDIR (default none), PREFIX (default /usr). `make build` first;
# PROGRAMS is the folder of the programs. An existing configuration is left alone.
set -eu
cd "$(dirname "$0")/../.."
programs=${PROGRAMS:-target/release}
prefix=${DESTDIR:-}${PREFIX:-/usr}
[ -x "$programs/clavigerd" ] && [ -x "$programs/claviger" ] && [ -x "$programs/claviger-opensc" ] || {
    echo "cannot install: $programs has no programs; run first: make build" >&2
    exit 1
}

# put MODE SOURCE TARGET
put() { install -D -m "$1" "$2" "$3"; }

put 755 "$programs/clavigerd" "$prefix/libexec/clavigerd"
put 755 "$programs/claviger-opensc" "$prefix/libexec/claviger-opensc"
put 755 "$programs/claviger" "$prefix/bin/claviger"

for unit in clavigerd.service claviger-opensc.socket claviger-opensc@.service; do
    put 644 "systemd/$unit" "$prefix/lib/systemd/system/$unit"
    sed -i "s|/usr/libexec/|${PREFIX:-/usr}/libexec/|g" "$prefix/lib/systemd/system/$unit"
done
put 644 systemd/claviger.sysusers "$prefix/lib/sysusers.d/claviger.conf"
put 644 systemd/claviger.tmpfiles "$prefix/lib/tmpfiles.d/claviger.conf"

put 644 dbus-interfaces/bus/org.claviger.KeyStore1.conf \
    "$prefix/share/dbus-1/system.d/org.claviger.KeyStore1.conf"
put 644 systemd/org.claviger.KeyStore1.service \
    "$prefix/share/dbus-1/system-services/org.claviger.KeyStore1.service"
put 644 dbus-interfaces/polkit/50-claviger.rules "$prefix/share/polkit-1/rules.d/50-claviger.rules"
for xml in dbus-interfaces/xml/*.xml; do
    put 644 "$xml" "$prefix/share/dbus-1/interfaces/$(basename "$xml")"
done

for page in docs/man/*.[0-9]; do
    put 644 "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
done
put 644 docs/completions/claviger.bash "$prefix/share/bash-completion/completions/claviger"
put 644 docs/completions/_claviger "$prefix/share/zsh/vendor-completions/_claviger"
put 644 docs/completions/claviger.fish "$prefix/share/fish/vendor_completions.d/claviger.fish"

etc=${DESTDIR:-}/etc/claviger
[ -e "$etc/claviger.toml" ] || put 644 config/claviger.toml "$etc/claviger.toml"
install -d -m 755 "$etc/claviger.d"
