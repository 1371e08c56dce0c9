#!/bin/bash
# bench.sh [SECTION...]: natmap side by side with an older natmap and with today's peers, in turns; without SECTION all of
# them. At the end it prints what of the goals is missed.
#
#   sizes     publish and withdraw beside 0, 1,000 and 10,000 mappings
#   dual      a container with IPv4 and IPv6
#   ranges    ranges of 1 to 57,001 ports
#   pods      beside thousands of ports of the same network namespace
#   commands  reload, check, list and metrics
#   churn     1 to 32 runtimes at once
#   traffic   new connections and throughput
#   bookworm  publish and withdraw beside the peers of Debian 12
#
# A section leaves its result in build/bench. When all are there, from this run or from earlier ones with SECTION, the tables
# go to RESULTS.md and README.md, and the plot to scale.svg.
#
# The peers are in folders with Debian unstable and Debian 12 (userlands.sh), which are kept. The older natmap is built here, if
# the clone has its commit. The machine's own packet filter is not touched. The exit status tells whether everything
# ran, not whether the numbers are good.
#
# NM_ROUNDS=N  rounds of the sections (24); 2 are enough to see whether everything runs
set -eu -o pipefail

cd "$(dirname "$0")/../.."
all="sizes dual ranges pods commands churn traffic bookworm"
before=b8185b8
before_format=af49c27 # the last that writes a state which it can read
build=${BUILD:-build}
results=$build/bench

# peers RELEASE: installs them into its folder, with the libraries of programs that are linked dynamically
peers() {
	local packages="netavark containernetworking-plugins iproute2 jq conntrack procps libyajl2 libseccomp2 libmnl0"
	test/userlands.sh prepare "$1" sh -c "dpkg-query -W $packages >/dev/null 2>&1 || { apt-get -q -o Acquire::Check-Valid-Until=false \
		update && apt-get -qy --no-install-recommends install $packages; }" >/dev/null
}

# build_of COMMIT PROGRAM: builds it in a folder of its own, with today's fill.c
build_of() {
	local dir=$results/$1
	mkdir -p "$dir"
	git archive "$1" | tar -x -C "$dir"
	cp test/bench/fill.c "$dir/test/bench"
	env -u MAKEFLAGS -u MAKEOVERRIDES make -s -C "$dir" BUILD=build "build/$2" >/dev/null
}

# older: builds it, once; says so when it cannot
older() {
	[[ ! -x "$results/$before/build/natmap" || ! -x "$results/$before/build/fill" ]] || return 0
	if ! git merge-base --is-ancestor "$before" "$before_format" 2>/dev/null; then
		echo "bench: this clone has no commit $before: what is compared with it is left out" >&2
		return 0
	fi
	build_of "$before_format" test/bench/fill
	build_of "$before" natmap
	ln -f "$results/$before_format/build/test/bench/fill" "$results/$before/build/fill"
}

# section NAME: measures it in the release with its peers
section() {
	local release=sid commit older=$results/$before/build/natmap
	[[ "$1" != bookworm ]] || release=bookworm
	[[ -x "$older" ]] || older=""
	commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- common hook || echo ", changed")
	peers "$release"
	test/userlands.sh run "$release" BUILD="$build" NM_BEFORE="${older:+/mnt/$older}" NM_COMMIT="$commit" \
		NM_ROUNDS="${NM_ROUNDS:-24}" /mnt/test/bench/sections.sh "$1" >"$results/$1.new"
	mv "$results/$1.new" "$results/$1"
}

# table FORM: what report.awk makes of the results
table() {
	(cd "$results" && awk -v form="$1" -f "$OLDPWD/test/bench/report.awk" "${have[@]}")
}

# introduction: what RESULTS.md begins with
introduction() {
	cat <<-END
		# Results

		Written by \`make bench\`, which overwrites it. At the end is what must be reached, and on what it was measured.

		![Cost against mappings](scale.svg)

		Times are those of whole processes, as their caller waits for them: the median, the spread from the 10th to the 90th
		percentile, and the ratio to natmap's nftables layout in the same table. All of a section are run in turns, those
		who take their time in every second to eighth round. MiB is the peak of resident memory.

		- Mappings that are there are of other containers of the network. Those of natmap are written by \`natmap reload\`. Those of
		  portmap with iptables, and of netavark of Debian 12, are copies, by iptables-restore, of the rules that it writes
		  for one, since it would take too long itself; with nftables one container has them all.
		- netavark and CNI bridge make the container's interface, too, as natmap and portmap do not. Without a port netavark makes
		  the interface alone.
		- By hand: the rules that natmap would write, to chains that are there; elements of a map and a set that are there, which
		  is less than natmap writes. This iptables-restore writes ports in a form of which iptables before 1.8.8 loses them, and
		  natmap does not, though the kernel has less to copy and to check then: beside natmap's rules it takes what natmap takes.
		- The minimal program sends the batch of natmap's iptables layout, with its system call filter, and does nothing else.
		- New connections: one after the other, from a client outside to a server in the container that closes at once.
		  Throughput: one connection, client to container. Each is one thread.
	END
}

# publish: RESULTS.md, the main table between its two marks in README.md, and the plot
publish() {
	local who whos="nftables iptables hand_ipt portmap portmap_nft netavark"
	{
		introduction
		table tables
	} >"$results/RESULTS.md"
	table main >"$results/main"
	sed -e "/^<!-- make bench writes/r $results/main" -e '/^<!-- make bench writes/,/^<!-- end/{/^<!--/!d}' README.md >"$results/README.md"
	for who in $whos; do
		table "$who" >"$results/$who.dat"
	done
	(cd "$results" && gnuplot -e "contenders = '$whos'" "$OLDPWD/test/bench/scale.gp") >"$results/scale.svg"
	cp "$results/RESULTS.md" "$results/scale.svg" test/bench/
	cat "$results/README.md" >README.md
}

[[ "$build" != /* ]] || { echo "bench: BUILD must be below the tree, which the folders of Debian see: '$build'" >&2 && exit 1; }
[[ $(id -u) = 0 ]] || { echo "bench: run this as root, it makes network namespaces" >&2 && exit 1; }
for name; do
	[[ " $all " = *" $name "* ]] || { echo "bench: no section '$name', of: $all" >&2 && exit 2; }
done
mkdir -p "$results"
# shellcheck disable=SC2086 # a list of words
[[ $# -gt 0 ]] || { set -- $all && (cd "$results" && rm -f "$@"); }
older
for name; do
	echo "== $name"
	section "$name"
done

have=() missing=()
for name in $all; do
	[[ ! -e "$results/$name" ]] || have+=("$name")
	[[ -e "$results/$name" ]] || missing+=("$name")
done
if [[ ${#missing[@]} = 0 ]]; then
	publish
else
	echo "not written: RESULTS.md, README.md and scale.svg, for want of: ${missing[*]}"
fi
table missed
