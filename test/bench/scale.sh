#!/bin/bash
# scale.sh [REPORT]: what publishing costs with 1 to 10,000 ports published, and what the published port carries, for both
# of natmap's layouts, the CNI portmap plugin and netavark (contenders.bash), in one run.
#
# Writes RESULTS.md, with REPORT, the output of run.sh, in it, and scale.svg beside this file, and the main table into
# README.md. The machine's own packet filter is not touched. The exit status tells whether everything ran, not whether the
# numbers are good.
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/../helpers/natmap.bash"
# shellcheck source=test/bench/contenders.bash
. "$NM_TREE/test/bench/contenders.bash"

bench=$NM_TREE/test/bench
programs=$NM_BUILD/test/bench
report=${1:-/dev/null}
sizes="1 10 1000 10000"
pause_ms=20       # as in run.sh
rounds=20         # of publish and withdraw ...
others_rounds=6   # ... by the others, which take their time, ...
slowest_rounds=3  # ... even more so with the most mappings
rate_rounds=21 rate_ms=250
stream_rounds=5 stream_ms=300
reload_rounds=5
left_out=()

# find_contenders: those that are here, and in left_out why others are not
find_contenders() {
	backends=iptables others=portmap
	natmap_has iptables
	if natmap_has nftables; then
		backends+=" nftables"
	else
		left_out+=("natmap, nftables: left out, this natmap has no such backend.")
	fi
	if [[ -x "$netavark" ]]; then
		others+=" netavark"
	else
		left_out+=("netavark: left out, it is not installed.")
	fi
}

# hosts "CONTENDER..." "N...": their names
hosts() {
	local who n
	for who in $1; do
		for n in $2; do
			echo "$who-$n"
		done
	done
}

# measure ROUNDS JOBS "HOST...": what the function JOBS prints for each host, in turns; to the result
measure() {
	local host
	for host in $3; do
		"$2" "$host"
	done >"$NM_TMP/jobs"
	"$programs/measure" "$1" "$pause_ms" "$NM_TMP/jobs" | while IFS=': ' read -r what who n median _ peak _; do
		echo "$what $who $n $median"
		echo "$what-peak $who $n $peak"
	done >>"$NM_TMP/result"
}

# traffic ROUNDS rate|stream MS "HOST...": the median of it through the port of each host, in turns; to the result
traffic() {
	local round host got
	for ((round = 0; round < $1; round++)); do
		for host in $4; do
			got=$("$programs/connect" "$2" "$(netns "$host-ctr")" 80 "$(netns "$host-ext")" 192.0.2.1 "$host_port" "$3")
			echo "$2 ${host%-*} ${host##*-} $got"
			on "$host" conntrack -F 2>/dev/null
		done
	done >"$NM_TMP/traffic"
	sort -k2,2 -k3,3n -k4,4n "$NM_TMP/traffic" | awk -v middle="$((($1 + 1) / 2))" '
		{ n = $2 $3 == last ? n + 1 : 1; last = $2 $3 }
		n == middle' >>"$NM_TMP/result"
}

say() {
	printf '%4d s  %s\n' "$SECONDS" "$1"
}

run() {
	local who n most=${sizes##* } all
	all=$(hosts "$backends $others" "$sizes")
	for who in $backends $others; do
		say "$who: mappings on $(wc -w <<<"$sizes") hosts"
		for n in $sizes; do
			up "$who" "$n"
		done
	done
	say "publish and withdraw"
	measure "$rounds" jobs "$(hosts "$backends" "$sizes")"
	measure "$others_rounds" jobs "$(hosts "$others" "${sizes% *}")"
	measure "$slowest_rounds" jobs "$(hosts "$others" "$most")"
	say "new connections"
	traffic "$rate_rounds" rate "$rate_ms" "$all"
	say "throughput"
	traffic "$stream_rounds" stream "$stream_ms" "$all"
	say "reload"
	measure "$reload_rounds" reload_jobs "$(hosts "$backends" "$sizes")"
	say "done"
}

version() { # version COMMAND...: the first line of what it prints
	"$@" 2>&1 | head -n 1
}

package_version() {
	dpkg-query -W -f='${Version}' "$1" 2>/dev/null || echo "of unknown version"
}

# machine: what it was measured on and with
machine() {
	local text=()
	text+=("$(date -u +%Y-%m-%d)")
	text+=("kernel $(uname -r)")
	text+=("$(nproc) processors ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | sort -u | head -n 1))")
	text+=("$(version "$NATMAP" --version)" "$(version iptables --version)" "$(version nft --version | sed 's/ (.*//')")
	text+=("CNI plugins $(package_version containernetworking-plugins)")
	[[ ! -x "$netavark" ]] || text+=("$(version "$netavark" --version) with its iptables driver")
	printf '%s\n' "${text[@]}" | paste -sd, | sed 's/,/, /g'
}

# results: RESULTS.md
results() {
	cat <<-END
		# Results

		Written by \`make bench\`, which overwrites it. $(machine).

		![Cost against mappings](scale.svg)
	END
	[[ ${#left_out[@]} = 0 ]] || printf '%s\n' '' "${left_out[@]}"
	awk -v form=tables -f "$bench/scale.awk" "$NM_TMP/result"
	cat <<-END

		Medians. Publish and withdraw: $rounds rounds, by portmap and netavark $others_rounds, and $slowest_rounds with the most
		mappings; connections $rate_rounds, throughput $stream_rounds, reload $reload_rounds. The times are those of whole
		processes, as their caller waits for them.

		- The number of mappings includes the one that is withdrawn, published and connected to, the last of them. The others
		  lead to other containers of its network. Those of natmap are written by \`natmap reload\`; those of portmap and netavark
		  are copies, by iptables-restore, of the rules that it writes for one, since it would take too long itself.
		- netavark makes the container's interface, too, as natmap and portmap do not: "port only" is what its setup and
		  teardown take longer with the port than without.
		- New connections: one after the other, from a client outside, through the host port to a server in the container
		  that closes at once. Throughput: one connection, client to container. Each is one thread.

		## What must be reached

		\`\`\`
	END
	cat "$NM_TMP/judged"
	echo '```'
	if [[ -s "$report" ]]; then
		printf '\n## One container, and other containers recorded\n\n```\n'
		cat "$report"
		echo '```'
	fi
}

# plot: scale.svg
plot() {
	local who
	for who in $backends $others; do
		awk -v form=columns -v who="$who" -f "$bench/scale.awk" "$NM_TMP/result" >"$NM_TMP/$who.dat"
	done
	(cd "$NM_TMP" && gnuplot -e "contenders = '$backends $others'" "$bench/scale.gp") >"$bench/scale.svg"
}

# readme: the main table between its two marks
readme() {
	awk -v form=main -f "$bench/scale.awk" "$NM_TMP/result" >"$NM_TMP/main"
	sed -e '/^<!-- make bench writes/r '"$NM_TMP/main" -e '/^<!-- make bench writes/,/^<!-- end/{/^<!--/!d}' \
		"$NM_TREE/README.md" >"$NM_TMP/README.md"
	cat "$NM_TMP/README.md" >"$NM_TREE/README.md"
}

finish() {
	local code=$?
	net_down || code=1
	rm -rf "$NM_TMP"
	[[ $code = 0 ]] || echo "bench: failed" >&2
	exit "$code"
}

if [[ $(id -u) != 0 ]]; then
	echo "bench: run this as root, it makes network namespaces" >&2
	exit 1
fi
for file in "$NATMAP" "$programs"/{measure,fill,connect} "$portmap" "$(command -v gnuplot)"; do
	if [[ ! -x "$file" ]]; then
		echo "bench: ${file:-gnuplot} is missing: 'make bench' installs and makes what it needs" >&2
		exit 1
	fi
done

NM_NS=nm-$$
NM_NODES=
NM_TMP=$(mktemp -d /run/natmap-bench.XXXXXX)
: >"$NM_TMP/pids"
trap finish EXIT
trap 'exit 1' INT TERM
state bench - stopped >"$NM_TMP/stopped.json"
mkdir "$NM_TMP/netavark"
find_contenders
[[ ${#left_out[@]} = 0 ]] || printf '%s\n' "${left_out[@]}"
run
awk -v form=judge -f "$bench/scale.awk" "$NM_TMP/result" >"$NM_TMP/judged"
results >"$NM_TMP/RESULTS.md"
plot
readme
cat "$NM_TMP/RESULTS.md" >"$bench/RESULTS.md"
cat "$NM_TMP/judged"
