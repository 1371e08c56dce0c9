#!/bin/bash
# kernels.sh [NAME...]
#
# Runs this machine's natmap with the kernels of Debian's releases (default: bullseye 5.10, bookworm 6.1, trixie 6.12 and sid),
# each in a virtual machine of its own without a disk and without KVM, and prints a table. As root, which the folders of
# userlands.sh need: they tell which kernel a release has. Kernels are kept between runs, in build/kernels.
#
# An emulated machine is some 20 times as slow as this one, so it runs helpers/scenarios.sh and not the bats files.
set -eu -o pipefail

cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build}")
work=$PWD/build/kernels
minutes=15 # for one kernel on a busy machine; on an idle one it takes two

# fetch NAME: unpacks the newest kernel of that release to $work/NAME
fetch() {
	mkdir -p "$work/$1"
	# shellcheck disable=SC2016 # for that shell
	test/userlands.sh run "$1" sh -euc '
		cd "/mnt/build/kernels/$1"
		apt-get update -q
		packages() { # of a package that all depend on: those that are the kernel, which newer releases split
			apt-cache depends "$1" | sed -nE "s/^ *Depends: (linux-(image|binary|modules)-.*)/\1/p"
		}
		image=$(packages linux-image-cloud-amd64)
		[ ! -e "$image" ] || exit 0
		rm -rf ./*
		apt-get download -q "$image" $(packages "$image")
		for package in *.deb; do
			dpkg-deb -x "$package" .
		done
		rm ./*.deb
		touch "$image"' sh "$1"
}

# modules_of NAME: the folder of the kernel's modules, which is named after it
modules_of() {
	find "$work/$1" -path '*/lib/modules/*' -prune
}

# image_of NAME: the kernel itself
image_of() {
	find "$work/$1" -name 'vmlinuz*' -type f
}

# add_programs ROOT PROGRAM...: with the libraries that they need
add_programs() {
	local root=$1 program file
	shift
	for program; do
		for file in "$program" $(ldd "$program" | grep -o '/[^ ]*'); do
			install -D "$file" "$root$file"
		done
	done
}

# add_modules ROOT FOLDER: what natmap, the tests' network and VRFs may need, and what the kernel finds them by
add_modules() {
	local to=$1/lib/modules/${2##*/} part
	mkdir -p "$to"
	for part in net/{netfilter,bridge,ipv4,ipv6,802,llc} drivers/net/{veth,vrf}.ko crypto lib; do
		(cd "$2" && find kernel -path "kernel/$part*" -name '*.ko*' -exec cp --parents {} "$to" \;)
	done
	find "$to" -name '*.xz' -exec unxz {} +
	busybox depmod -b "$1" "${2##*/}"
}

# pack NAME: makes $work/NAME.initramfs
pack() {
	local root
	root=$(mktemp -d)
	mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,mnt/build/test}
	cp "$(command -v busybox)" "$root/bin/"
	add_programs "$root" "$(command -v bash)" "$(command -v nft)" "$(command -v ip)" "$build/natmap"
	mv "$root$build/natmap" "$root/mnt/build/"
	cp -r "$build/test/helpers" "$root/mnt/build/test/"
	cp -r test "$root/mnt/"
	add_modules "$root" "$(modules_of "$1")"
	cat >"$root/init" <<-'END'
		#!/bin/busybox sh
		/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
		/bin/busybox --install -s /bin
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin
		ln -s /bin/busybox /sbin/modprobe
		ln -sf "$(command -v bash)" /bin/sh # the shell of busybox prefers its own ip
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		ln -s /proc/self/fd /dev/fd
		ip link set lo up
		bash /mnt/test/helpers/scenarios.sh
		poweroff -f
	END
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/$1.initramfs"
	rm -r "$root"
}

# boot NAME: what it says goes to $work/NAME.log
boot() {
	timeout "${minutes}m" nice -n 15 qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 1 -nographic -no-reboot -net none \
		-kernel "$(image_of "$1")" -initrd "$work/$1.initramfs" -append 'console=ttyS0 loglevel=1 edd=off panic=-1' \
		</dev/null 2>&1 | sed -E 's/\r//; s/\x1b(c|\[[0-9;?]*[a-zA-Z])//g' >"$work/$1.log" ||
		echo "qemu failed, or did not end within $minutes minutes" >>"$work/$1.log"
}

# result NAME WHAT: the rest of the line of its log that begins with WHAT, the end of virtual machines included
result() {
	sed -n "s/^$2: //p" "$work/$1.log"
}

# row COLUMN...: a row of the table
row() {
	printf '%-10s %-28s %-22s %-22s %s\n' "$@"
}

# check NAME: adds a row to $table; fails, with what the virtual machine said, unless all is well
check() {
	local backend column columns=() code=0 what=ok
	if ! fetch "$1" >"$work/$1.log" 2>&1 || ! pack "$1" >"$work/$1.log" 2>&1; then
		tail -n 20 "$work/$1.log"
		table+=$(row "$1" 'no kernel' - - FAIL)$'\n'
		return 1
	fi
	boot "$1"
	for backend in iptables nftables; do
		column=$(result "$1" "$backend")
		[[ "$column" = *' passed, 0 failed' ]] || code=1
		columns+=("${column:-did not end}")
	done
	[[ "$(result "$1" kernel)" = 'has no complaints' ]] || code=1
	[[ $code = 0 ]] || what=FAIL
	table+=$(row "$1" "$(basename "$(modules_of "$1")")" "${columns[@]}" "$what")$'\n'
	cat "$work/$1.log"
	return "$code"
}

mkdir -p "$work"
[[ $# -gt 0 ]] || set -- bullseye bookworm trixie sid
failed=0 table=$(row release kernel iptables nftables '')$'\n'
for name; do
	printf '\n== %s\n' "$name"
	check "$name" || failed=1
done
printf '\n%s' "$table"
exit "$failed"
