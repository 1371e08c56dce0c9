#!/bin/bash
# `nft add chain` of a chain that is there changes nothing, and yet waits for a grace period of RCU, as a deletion does: the
# kernel keeps the message to destroy it later, and flushes that when the socket is closed, with nf_tables' mutex held. Scripts
# that begin with "add table, add chain", to be safe, slow down themselves and whoever changes rules meanwhile.
#
# Versions   nftables 1.0.6-2+deb12u2 (Debian 12), Linux 6.18 (nf_tables_commit(), nft_rcv_nl_event())
# Input      a table and a chain that are there, added again
# Expected   "add chain" takes as long as "add table", which changes nothing, either
# Seen       the medians of 41 runs each, in turns, on a busy machine: 9 ms and 21 ms
#
# Needs root, dpkg and apt sources of Debian 12. Fails if "add chain" does not take half as long again.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 libnftnl11=1.2.4-2 libxtables12=1.8.9-2 \
	>/dev/null 2>&1
for package in ./*.deb; do
	dpkg -x "$package" root
done
lib=$(dirname "$(find "$dir/root" -name 'libnftables.so.1')")
export LD_LIBRARY_PATH=$lib PATH=$dir/root/usr/sbin:$PATH

# shellcheck disable=SC2016 # for that shell
unshare -n bash -euc '
	us() {
		local begin=${EPOCHREALTIME/./}
		nft add "$@"
		echo $((${EPOCHREALTIME/./} - begin))
	}
	nft add table ip t
	nft add chain ip t c
	for i in {1..41}; do
		us table ip t >>table
		us chain ip t c >>chain
	done'

median() {
	sort -n "$1" | sed -n 21p
}
echo "add table: $(median table) us, add chain: $(median chain) us"
[[ $((2 * $(median chain))) -gt $((3 * $(median table))) ]] || {
	echo "changed: a chain that is there costs no more than a table that is there" >&2
	exit 1
}
echo "as described"
