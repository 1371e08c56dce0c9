#!/bin/sh
# install-deps.sh [bench|coverage|kernels|lint|packages|programs|runtimes|userlands]: installs what building natmap, its tests and the
# demo need on Debian and Ubuntu, and what only `make bench`, `make coverage`, `make check-kernels`, the static checks of CI (`lint`),
# `make check-userlands`, or `make deb` and `make rpm` (`packages`) need: only what is missing, so that a second run needs no network.
# programs, runtimes: instead, what hosts.sh runs beside natmap, or what runtimes.sh runs natmap with, in a folder of userlands.sh. As root.
set -eu

build="gcc make pkg-config libc6-dev libyajl-dev libseccomp-dev"
tests="bats iproute2 iptables nftables conntrack runc crun busybox-static jq curl socat mandoc procps util-linux strace perl systemd"
userlands="debootstrap"
kernels="debootstrap qemu-system-x86 cpio xz-utils"
lint="clang clang-format clang-tidy cppcheck shellcheck"
coverage="gcovr"
packages="build-essential debhelper dpkg-dev elfutils libmnl-dev lintian rpm"
bench="debootstrap gnuplot-nox git libmnl-dev"
programs="iptables nftables iproute2 procps docker.io firewalld dbus-daemon ufw containernetworking-plugins netavark"
runtimes="iptables nftables iproute2 procps jq curl busybox-static runc crun podman conmon netavark aardvark-dns containerd
	containernetworking-plugins protobuf-compiler catatonit"
# Of later releases, docker has a package of its own, and criu runs with newer kernels.
if ! grep -q '^VERSION_ID="1[12]"' /etc/os-release; then
	programs="$programs docker-cli"
	runtimes="$runtimes criu libcriu2"
	packages="$packages systemd-dev"
fi

wanted="$build $tests"
case ${1:-} in
bench) wanted="$wanted $bench" ;;
coverage) wanted="$wanted $coverage" ;;
lint) wanted="$wanted $lint" ;;
packages) wanted="$wanted $packages" ;;
userlands) wanted="$wanted $userlands" ;;
kernels) wanted="$wanted $kernels" ;;
programs) wanted=$programs ;;
runtimes) wanted=$runtimes ;;
esac

# dpkg-query fails when it does not know one of the packages; the others are listed all the same.
# shellcheck disable=SC2086 # a list of words
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | sed -n 's/ installed$//p') || :
missing=
for package in $wanted; do
	printf '%s\n' "$installed" | grep -qx "$package" || missing="$missing $package"
done
# promtool, out of its package: that itself would start a server here. The tests look for it in the same place.
promtool=${NM_PROMTOOL:-/var/cache/natmap-userlands/promtool}
if [ "${1:-}" = lint ] && [ ! -x "$promtool" ]; then
	missing="$missing promtool"
fi
if [ -z "$missing" ]; then
	echo "install-deps: everything is here"
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "install-deps: run this as root; missing:$missing" >&2
	exit 1
fi
echo "install-deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
unpacked=$(mktemp -d)
trap 'rm -rf "$log" "$unpacked"' EXIT

get_promtool() {
	(cd "$unpacked" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb .) &&
		mkdir -p "$(dirname "$promtool")" && mv "$unpacked/usr/bin/promtool" "$promtool"
}

packages=
for package in $missing; do
	[ "$package" = promtool ] || packages="$packages $package"
done
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update && { [ -z "$packages" ] || apt-get install -y --no-install-recommends $packages; } &&
	{ [ "$packages" = "$missing" ] || get_promtool; }; } </dev/null >"$log" 2>&1; then
	cat "$log" >&2
	echo "install-deps: could not install$missing" >&2
	exit 1
fi
