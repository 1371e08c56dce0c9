#!/bin/bash
# firewalld's iptables backend ends the table nat for every packet, so that port forwardings of others which stand behind its
# rules are dead, Docker's published ports among them.
#
# Versions   firewalld 2.5.2-1, iptables 1.8.13-1 (Debian unstable), Linux 6.18; firewalld 2.3.1-1+deb13u1 with
#            iptables 1.8.11-2 (Debian 13) does not
# Input      FirewallBackend=iptables, else the configuration as installed; iptables -t nat -A OUTPUT ... -j DNAT
# Expected   the rule translates, as it does without firewalld and with 2.3.1
# Seen       its counter stays 0: OUTPUT_dispatch, which comes before it, leads to OUT_HOST_to_public, whose last rule is ACCEPT.
#            PREROUTING is the same. Docker 28.5.2 that starts later appends its jumps, and its ports do not answer.
#
# Needs root, debootstrap and apt sources of Debian. Fails if any of this is otherwise.
set -eu

declare -A packages=([trixie]="firewalld=2.3.1-1+deb13u1 iptables=1.8.11-2" [sid]="firewalld=2.5.2-1 iptables=1.8.13-1")
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
# shellcheck disable=SC2016 # for apt-get
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)

# inside RELEASE COMMAND...: runs it there with mounts of its own, in the caller's network namespace
inside() {
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private --pid --fork --kill-child -- sh -euc '
		cd "$1"
		shift
		mount -t proc proc proc
		mount --rbind /sys sys
		mount --rbind /dev dev
		mount -t tmpfs tmpfs run
		exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' \
		sh "$dir/$1" "${@:2}"
}

# install RELEASE: makes the folder, with the packages, which start nothing
install() {
	unshare --mount --propagation private -- debootstrap --variant=minbase "$1" "$dir/$1" "$mirror"
	apt-config dump Acquire >"$dir/$1/etc/apt/apt.conf.d/90host"
	printf '#!/bin/sh\nexit 101\n' >"$dir/$1/usr/sbin/policy-rc.d"
	chmod +x "$dir/$1/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2086 # a list of words
	inside "$1" apt-get install -y --no-install-recommends iproute2 dbus-daemon ${packages[$1]}
}

# counted RELEASE: how often the forwarding has translated a connection without firewalld, and with it
counted() {
	# shellcheck disable=SC2016 # for that shell
	unshare --net -- bash -euc "$(declare -f inside)"'
		dir=$1
		inside "$2" bash -euc "$3"' bash "$dir" "$1" '
		mkdir -p /run/dbus
		ip link set lo up
		forwarding="OUTPUT -d 127.0.0.9 -p tcp --dport 8080 -j DNAT --to-destination 127.0.0.1:8081"
		translated() {
			iptables -t nat -A $forwarding
			bash -c ": </dev/tcp/127.0.0.9/8080" 2>/dev/null || :
			iptables -t nat -L OUTPUT -nvx | awk "/dpt:8080/ { print \$1 }"
			iptables -t nat -D $forwarding
		}
		translated
		sed -i "s/^FirewallBackend=.*/FirewallBackend=iptables/" /etc/firewalld/firewalld.conf
		dbus-daemon --system --fork --nopidfile
		firewalld --nofork --nopid >/dev/null 2>&1 &
		for _ in {1..100}; do
			! firewall-cmd --state >/dev/null 2>&1 || break
			sleep 0.1
		done
		translated'
}

for release in trixie sid; do
	install "$release" >"$dir/log" 2>&1 || {
		tail -n 20 "$dir/log" >&2
		exit 1
	}
	seen=$(counted "$release" | xargs)
	echo "$release, without and with firewalld: $seen"
	[[ "$seen" = "$([[ $release = sid ]] && echo '1 0' || echo '1 1')" ]] || {
		echo "changed: $release" >&2
		exit 1
	}
done
echo "as described"
