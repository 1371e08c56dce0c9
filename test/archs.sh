#!/bin/bash
# archs.sh [ARCH...]
#
# Builds natmap with warnings as errors for other machines, and for this one with musl, and runs it: by default arm64, armhf,
# i386, riscv64, s390x (big-endian) and musl. As root.
#
# The compilers are those of Debian trixie, in the folder of it that userlands.sh keeps. Programs for other machines run under
# qemu-user: the unit tests, and the commands as far as an emulator goes, which knows neither seccomp nor netlink of netfilter.
# With musl, the sandbox is tested by its bats file.
#
# inside ARCH: what runs in the folder
set -eu

cd "$(dirname "$0")/.."

# For each machine the prefix of its compiler, and its name in qemu.
declare -A triplets=([arm64]=aarch64-linux-gnu [armhf]=arm-linux-gnueabihf [i386]=i686-linux-gnu [riscv64]=riscv64-linux-gnu
	[s390x]=s390x-linux-gnu)
declare -A emulators=([arm64]=aarch64 [armhf]=arm [i386]=i386 [riscv64]=riscv64 [s390x]=s390x)
libraries="libyajl-dev"

# shellcheck disable=SC2317 # quietly calls it
# install PACKAGE...: those that are missing
install() {
	local missing=() package
	for package; do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[[ ${#missing[@]} = 0 ]] && return
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
}

# quietly COMMAND...: shows what it says only when it fails
quietly() {
	"$@" >/tmp/quietly.log 2>&1 </dev/null || { cat /tmp/quietly.log >&2 && return 1; }
}

# fetch_libraries ARCH: puts them beside the C library of its compiler. They are unpacked and not installed, because they
# would want Debian's own C library of that machine, too.
fetch_libraries() {
	local root=/usr/${triplets[$1]} packages=() package
	[[ ! -e $root/lib/libyajl_s.a ]] || return 0
	for package in $libraries; do
		packages+=("$package:$1")
	done
	rm -rf /tmp/libraries && mkdir /tmp/libraries
	(
		cd /tmp/libraries
		quietly dpkg --add-architecture "$1"
		quietly apt-get update -q
		quietly apt-get download -q "${packages[@]}"
		for package in *.deb; do
			dpkg-deb -x "$package" .
		done
		cp -r usr/include/. "$root/include"
		cp usr/lib/*/*.a "$root/lib"
	)
}

# make_for ARCH TARGET...
make_for() {
	local triplet=${triplets[$1]}
	make --no-print-directory -j"$(nproc)" WERROR=1 BUILD="build/arch-$1" CC="$triplet-gcc" AR="$triplet-ar" PKG_CONFIG=true \
		LDLIBS=-lyajl_s "${@:2}"
}

# make_preload: /tmp/no-seccomp.so, which pretends to natmap that the kernel takes filters
make_preload() {
	"${triplets[$arch]}-gcc" -shared -fPIC -o /tmp/no-seccomp.so -x c - <<-'END'
		#define _GNU_SOURCE
		#include <stdarg.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int prctl(int op, ...)
		{
			unsigned long a[4];
			va_list ap;
			va_start(ap, op);
			for (int i = 0; i < 4; i++)
				a[i] = op == PR_SET_SECCOMP ? 0 : va_arg(ap, unsigned long);
			return op == PR_SET_SECCOMP ? 0 : (int)syscall(SYS_prctl, op, a[0], a[1], a[2], a[3]);
		}
	END
}

# expect STATUS PATTERN COMMAND...: what the command for the other machine owes; its input is this one's
expect() {
	local status=$1 pattern=$2 rc=0 out
	out=$($emulator -E LD_PRELOAD=/tmp/no-seccomp.so "build/arch-$arch/natmap-dynamic" --state-dir /tmp/state "${@:3}" 2>&1) || rc=$?
	if [[ $rc != "$status" || ! "$out" =~ $pattern ]]; then
		printf 'FAIL natmap %s on %s: exit status %s, expected %s\n%s\n' "${*:3}" "$arch" "$rc" "$status" "$out" >&2
		return 1
	fi
	commands=$((commands + 1))
}

# state ANNOTATIONS: the state of a container whose process is $pid
state() {
	printf '{"ociVersion":"1.0.2","id":"web","pid":%s,"status":"creating","bundle":"/b","annotations":{%s}}' "$pid" "$1"
}

# check_commands: the whole of natmap but what talks to netfilter. The filter of system calls is not loaded: a unit test runs it.
check_commands() {
	local pid libraries
	commands=0
	make_preload
	unshare --net sleep 600 &
	pid=$!
	# shellcheck disable=SC2064 # now
	trap "kill $pid" EXIT
	expect 0 '^natmap [0-9.]+$' version
	expect 0 '^usage: natmap' help
	expect 2 "'--no'" --no
	expect 0 '^$' list
	expect 0 '^$' hook createRuntime < <(state '')
	expect 5 'port mapping' hook createRuntime < <(state '"io.natmap.ports":"80:x"')
	expect 5 'pid: missing' plan <<<'{"id":"a","annotations":{"io.natmap.ports":"8080:80"}}'
	expect 1 'netlink' check
	kill "$pid"
	trap - EXIT
	$emulator "build/arch-$arch/natmap" hook createRuntime < <(state '')
	libraries=$(LC_ALL=C "${triplets[$arch]}-readelf" -d "build/arch-$arch/natmap")
	# the C library of armhf has nothing to begin a static-pie with
	[[ "$libraries" != *NEEDED* || $("${triplets[$arch]}-gcc" -print-file-name=rcrt1.o) != /* ]] || { echo "FAIL natmap for $arch is not static" >&2 && return 1; }
	echo "ok   natmap for $arch: $((commands + 1))"
}

check_machine() {
	local emulator="qemu-${emulators[$arch]} -L /usr/${triplets[$arch]}"
	quietly install make pkg-config gcc libc6-dev libseccomp-dev qemu-user "gcc-${triplets[$arch]}" "libc6-dev-$arch-cross"
	fetch_libraries "$arch"
	make_for "$arch" "build/arch-$arch/natmap" "build/arch-$arch/natmap-dynamic" unit-programs
	NM_TEST_EMULATOR=$emulator make_for "$arch" check-unit
	check_commands
}

# What the libraries, which are made for glibc, want of it and musl does not have.
make_shim() {
	gcc -O2 -c -o /tmp/shim.o -x c - <<-'END'
		#include <stdarg.h>
		#include <stddef.h>
		int vsnprintf(char *, size_t, const char *, va_list);
		void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t), *memset(void *, int, size_t);
		int vfprintf(void *, const char *, va_list), vprintf(const char *, va_list);
		long strtol(const char *, char **, int);
		unsigned long strtoul(const char *, char **, int);
		void *__memcpy_chk(void *to, const void *from, size_t n, size_t size) { return memcpy(to, from, n); }
		void *__memmove_chk(void *to, const void *from, size_t n, size_t size) { return memmove(to, from, n); }
		void *__memset_chk(void *to, int c, size_t n, size_t size) { return memset(to, c, n); }
		long __isoc23_strtol(const char *s, char **end, int base) { return strtol(s, end, base); }
		unsigned long __isoc23_strtoul(const char *s, char **end, int base) { return strtoul(s, end, base); }
		int __fprintf_chk(void *file, int flag, const char *format, ...)
		{
			va_list ap;
			va_start(ap, format);
			return vfprintf(file, format, ap);
		}
		int __printf_chk(int flag, const char *format, ...)
		{
			va_list ap;
			va_start(ap, format);
			return vprintf(format, ap);
		}
		int __snprintf_chk(char *to, size_t n, int flag, size_t size, const char *format, ...)
		{
			va_list ap;
			va_start(ap, format);
			return vsnprintf(to, n, format, ap);
		}
		int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
		{
			va_list ap;
			va_start(ap, format);
			return vsnprintf(to, size, format, ap);
		}
	END
}

# check_musl: natmap and its unit tests with another C library, and the system calls of that under the filter
check_musl() {
	local multiarch
	quietly install musl-tools
	quietly test/install-deps.sh
	multiarch=$(gcc -print-multiarch)
	make_shim
	make --no-print-directory -j"$(nproc)" BUILD=build/arch-musl helper-programs
	make --no-print-directory -j"$(nproc)" WERROR=1 BUILD=build/arch-musl PKG_CONFIG=true LDLIBS="/usr/lib/$multiarch/libyajl_s.a /tmp/shim.o" \
		CC="musl-gcc -idirafter /usr/include -idirafter /usr/include/$multiarch" \
		check-unit check-bats BATS=test/430-sandbox.bats
}

if [[ ${1:-} = inside ]]; then
	arch=$2
	if [[ $arch = musl ]]; then
		check_musl
	else
		check_machine
	fi
	exit
fi

[[ $# -gt 0 ]] || set -- arm64 armhf i386 riscv64 s390x musl
failed=0
for arch; do
	printf '\n== %s\n' "$arch"
	test/userlands.sh run trixie /mnt/test/archs.sh inside "$arch" || failed=1
done
exit "$failed"
