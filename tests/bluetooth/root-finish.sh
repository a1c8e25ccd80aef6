# The last step of tests/scripts/bluetooth-guest.sh, inside the new root: who lives there, and what is not needed.
for person in alice:1000 bob:1001; do
    useradd --create-home --shell /bin/bash --uid "${person#*:}" "${person%:*}"
done
# Half of a radio's start is Python that compiles itself.
python3 -m compileall -q /usr/local/lib/python3.11/dist-packages
# Mounted by the first process; a root that is only read has no folders made in it.
mkdir /out
echo claviger-bluetooth >/etc/hostname
echo '127.0.0.1 localhost claviger-bluetooth' >/etc/hosts
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
