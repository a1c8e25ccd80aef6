#!/bin/sh
# Puts everything where the names that scripts rely on say: DESTDIR (default none), PREFIX (default /usr), LIBDIR (default
# PREFIX/lib/<triplet>: where PAM and p11-kit look for their modules). `make build` first; PROGRAMS is the folder of the programs. An
# existing configuration is left alone. The Debian package is made of what this installs (tests/scripts/deb.sh).
set -eu
cd "$(dirname "$0")/../.."
programs=${PROGRAMS:-target/release}
bare=${PREFIX:-/usr}
prefix=${DESTDIR:-}$bare
libraries=${DESTDIR:-}${LIBDIR:-$bare/lib/$(cc -print-multiarch)}
for program in clavigerd claviger-opensc claviger claviger-prompter claviger-ssh-agent libpam_claviger.so libclaviger_pkcs11.so; do
    [ -e "$programs/$program" ] || {
        echo "cannot install: there is no $programs/$program; run first: make build" >&2
        exit 1
    }
done

# put MODE SOURCE TARGET
put() { install -D -m "$1" "$2" "$3"; }

# unit SOURCE TARGET: the programs are below PREFIX.
unit() {
    put 644 "$1" "$2"
    sed -i "s|/usr/\(libexec\|bin\)/|$bare/\1/|g" "$2"
}

put 755 "$programs/clavigerd" "$prefix/libexec/clavigerd"
put 755 "$programs/claviger-opensc" "$prefix/libexec/claviger-opensc"
put 755 "$programs/claviger" "$prefix/bin/claviger"
put 755 "$programs/claviger-prompter" "$prefix/bin/claviger-prompter"
put 755 "$programs/claviger-ssh-agent" "$prefix/bin/claviger-ssh-agent"
put 644 "$programs/libpam_claviger.so" "$libraries/security/pam_claviger.so"
put 644 "$programs/libclaviger_pkcs11.so" "$libraries/pkcs11/libclaviger_pkcs11.so"
put 644 config/claviger.module "$prefix/share/p11-kit/modules/claviger.module"
for profile in front-ends/pam/pam-configs/*; do
    put 644 "$profile" "$prefix/share/pam-configs/$(basename "$profile")"
done
put 644 front-ends/pam/pam-configs/claviger-session "$prefix/share/pam-configs/claviger-session"

for unit in clavigerd.service claviger-opensc.socket claviger-opensc@.service; do
    unit "systemd/$unit" "$prefix/lib/systemd/system/$unit"
done
# The other one there is the phone's (install-phone.sh).
for unit in claviger-prompter.service claviger-ssh-agent.socket claviger-ssh-agent.service; do
    unit "systemd/user/$unit" "$prefix/lib/systemd/user/$unit"
done
put 644 systemd/claviger.sysusers "$prefix/lib/sysusers.d/claviger.conf"
put 644 systemd/claviger.tmpfiles "$prefix/lib/tmpfiles.d/claviger.conf"
put 644 systemd/claviger.catalog "$prefix/lib/systemd/catalog/claviger.catalog"

put 644 dbus-interfaces/bus/org.claviger.KeyStore1.conf \
    "$prefix/share/dbus-1/system.d/org.claviger.KeyStore1.conf"
put 644 systemd/org.claviger.KeyStore1.service \
    "$prefix/share/dbus-1/system-services/org.claviger.KeyStore1.service"
put 644 dbus-interfaces/polkit/50-claviger.rules "$prefix/share/polkit-1/rules.d/50-claviger.rules"
put 644 dbus-interfaces/polkit/org.claviger.policy "$prefix/share/polkit-1/actions/org.claviger.policy"
for xml in dbus-interfaces/xml/*.xml; do
    put 644 "$xml" "$prefix/share/dbus-1/interfaces/$(basename "$xml")"
done

# Of section 8 is the phone's program.
for page in docs/man/*.1; do
    put 644 "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
done
put 644 docs/completions/claviger.bash "$prefix/share/bash-completion/completions/claviger"
put 644 docs/completions/_claviger "$prefix/share/zsh/vendor-completions/_claviger"
put 644 docs/completions/claviger.fish "$prefix/share/fish/vendor_completions.d/claviger.fish"

etc=${DESTDIR:-}/etc/claviger
[ -e "$etc/claviger.toml" ] || put 644 config/claviger.toml "$etc/claviger.toml"
install -d -m 755 "$etc/claviger.d"
