#!/bin/bash
# firewalld's iptables backend ends the table nat for every packet, so that port forwardings of others which stand behind its
# rules are dead, Docker's published ports among them.
#
# Versions   firewalld 2.5.2-1, iptables 1.8.13-1 (Debian unstable), Linux 6.18; firewalld 2.3.1-1 (Debian 13) does not
# Input      FirewallBackend=iptables, else the configuration as installed; iptables -t nat -A OUTPUT ... -j DNAT
# Expected   the rule translates, as it does without firewalld and with 2.3.1
# Seen       its counter stays 0: OUTPUT_dispatch, which comes before it, leads to OUT_HOST_to_public, whose last rule is ACCEPT.
#            PREROUTING is the same. Docker 28.5.2 that starts later appends its jumps, and its ports do not answer.
#
# Needs root and debootstrap; makes folders of Debian in /var/cache/natmap-userlands. Fails if any of this is otherwise.
set -eu
cd "$(dirname "$0")/.."

# counted RELEASE: how often the forwarding has translated a connection without firewalld, and with it
counted() {
	test/userlands.sh prepare "$1" sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d &&
		chmod +x /usr/sbin/policy-rc.d && exec /mnt/test/install-deps.sh programs' >&2
	# shellcheck disable=SC2016 # for that shell
	unshare -n test/userlands.sh run "$1" bash -euc '
		mkdir -p /tmp/new /tmp/work /run/dbus
		mount -t overlay overlay -o lowerdir=/etc,upperdir=/tmp/new,workdir=/tmp/work /etc
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
	seen=$(counted "$release" | xargs)
	echo "$release, without and with firewalld: $seen"
	[[ "$seen" = "$([[ $release = sid ]] && echo '1 0' || echo '1 1')" ]] || {
		echo "changed: $release" >&2
		exit 1
	}
done
echo "as described"
