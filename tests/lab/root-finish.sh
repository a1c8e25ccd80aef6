# The last step of tests/scripts/lab-root.sh, inside the new root: who lives there, and what starts by itself.
for person in alice:1000 bob:1001; do
    name=${person%:*}
    useradd --create-home --shell /bin/bash --uid "${person#*:}" "$name"
    echo "$name:$name-password" | chpasswd
done

# alice is an administrator.
usermod --append --groups sudo alice

# root comes to everybody by ssh, without a question.
install -d -m 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
for name in alice bob; do
    install -d -m 700 -o "$name" -g "$name" "/home/$name/.ssh"
    install -m 600 -o "$name" -g "$name" /root/.ssh/id_ed25519.pub "/home/$name/.ssh/authorized_keys"
done
for address in localhost 127.0.0.1; do
    sed "s/^/$address /" /etc/ssh/ssh_host_ed25519_key.pub
done >/root/.ssh/known_hosts

# A card's reader is named by the test, if it has one.
rm -f /etc/reader.conf.d/*

# What a guest does not need at its start: a test starts it where it does.
systemctl disable --quiet ssh.service
systemctl mask --quiet \
    console-getty.service getty@tty1.service getty-static.service \
    systemd-binfmt.service systemd-firstboot.service systemd-journal-flush.service systemd-pstore.service \
    systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-update-utmp.service \
    dev-hugepages.mount sys-fs-fuse-connections.mount
rm -f /etc/systemd/system/timers.target.wants/*
ln -sf multi-user.target /lib/systemd/system/default.target

# An empty one: each guest makes its own, and does not take this for the first boot of a new machine.
: >/etc/machine-id
echo claviger-lab >/etc/hostname
echo '127.0.0.1 localhost claviger-lab' >/etc/hosts
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt
