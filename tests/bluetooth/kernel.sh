#!/bin/sh
# kernel.sh FOLDER OUTPUT: builds the kernel of the guests, a User-Mode Linux with the options of kernel.config,
# in FOLDER out of the kernel source that Debian 12 ships. OUTPUT is an ordinary program that needs no privilege and no
# KVM. Some 5 minutes of a processor; called by tests/scripts/bluetooth-guest.sh, once.
set -eu
folder=$1 output=$2 config=$(realpath "$(dirname "$0")/kernel.config")
mkdir -p "$folder"
cd "$folder"
apt-get -q download linux-source-6.1
# Straight from the archive in the package: unpacked twice it would need a gigabyte more.
dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | xz -dc -T 0 | tar -x
rm linux-source-6.1_*.deb
cd linux-source-6.1
# Processors with AMX have 11008 bytes of registers that PTRACE_SETREGSET takes as a whole or not at all ("ptrace set fp
# regs failed"), and this kernel keeps room for 2696. They also stand on its stacks: see CONFIG_KERNEL_STACK_ORDER.
sed -i 's/DEFINE_LONGS(HOST_FP_SIZE, 2696)/DEFINE_LONGS(HOST_FP_SIZE, 12288)/' arch/x86/um/user-offsets.c
grep -q 12288 arch/x86/um/user-offsets.c
export ARCH=um KCONFIG_ALLCONFIG="$config"
make -s allnoconfig
nice make -s -j "$(nproc)" linux
strip -s -o "$output" linux
