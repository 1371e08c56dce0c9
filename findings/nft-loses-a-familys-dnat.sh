#!/bin/bash
# nft that lists rules of iptables and ip6tables loses the DNAT target of one family, exits with 0, and what it printed loads
# without an error: a firewall that saves its rules by `nft list ruleset` and loads them at boot loses port forwardings.
#
# Versions   nftables 1.0.6-2+deb12u2 with libxtables 1.8.9-2, iptables 1.8.9-2 (Debian 12), Linux 6.18
# Input      one DNAT rule by iptables and one by ip6tables, each valid and working
# Expected   both targets in the listing, or an exit status that tells
# Seen       "tcp dport 80 counter packets 0 bytes 0" of the family that comes second, "XT target DNAT not found" on
#            stderr, exit status 0; loaded again, the rule has no target
#
# Needs root, dpkg and apt sources of Debian 12. Fails if any of this is otherwise.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 iptables=1.8.9-2 libxtables12=1.8.9-2 \
	libnftnl11=1.2.4-2 >/dev/null 2>&1
for package in ./*.deb; do
	dpkg -x "$package" root
done
lib=$(dirname "$(find "$dir/root" -name 'libnftables.so.1')")
export LD_LIBRARY_PATH=$lib XTABLES_LIBDIR=$lib/xtables PATH=$dir/root/usr/sbin:$PATH

# shellcheck disable=SC2016 # for that shell
unshare -n sh -eu -c '
	xtables-nft-multi ip6tables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination "[fd00::2]:8080"
	xtables-nft-multi iptables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080
	nft list ruleset >saved 2>complaint
	nft flush ruleset
	nft -f saved
	xtables-nft-multi iptables-save -t nat >loaded'
cat saved complaint loaded

# holds FILE TEXT [N]: FILE has N (one) lines with TEXT
holds() {
	[[ "$(grep -cF -- "$2" "$1")" = "${3:-1}" ]] || {
		echo "changed: not ${3:-1} times in what was $1: $2" >&2
		exit 1
	}
}
holds saved 'dnat to' 1
holds saved 'tcp dport 80 counter packets 0 bytes 0' 2
holds complaint 'XT target DNAT not found'
holds loaded '-A PREROUTING -p tcp -m tcp --dport 80'
holds loaded DNAT 0
echo "as described"
