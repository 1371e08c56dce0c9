#!/bin/bash
# sections.sh SECTION: measures a section of bench.sh, which runs this in a release of Debian, where the peers are. Prints
#   # SECTION: on what, and with what
#   GROUP QUANTITY WHO MEDIAN P10 P90 P99 PEAK RUNS     (us, KiB)
# with cycles, connections (rate) and MB (stream) a second instead of us. The groups 0, 1000, 10000 are so many mappings of others.
set -eu -o pipefail

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/../helpers/natmap.bash"
# shellcheck source=test/bench/contenders.bash
. "$NM_TREE/test/bench/contenders.bash"
# shellcheck source=test/bench/peers.bash
. "$NM_TREE/test/bench/peers.bash"

programs=$NM_BUILD/test/bench
rounds=$NM_ROUNDS
pause_ms=20 # a grace period of the kernel and some: a deletion of the process before must not be waited for by the next
ours="nftables iptables" unconcerned=unconcerned
[[ -z "$NM_BEFORE" ]] || ours+=" before_nftables before_iptables" unconcerned+=" before_unconcerned"
peers="portmap portmap_nft netavark"
netavark_driver=nftables

exec 3>&1 >&2 # what is printed is the result alone

say() {
	printf '%4d s  %s\n' "$SECONDS" "$1"
}

# measure: what is in $NM_TMP/jobs, in turns
measure() {
	say "$(wc -l <"$NM_TMP/jobs") jobs"
	"$programs/measure" "$rounds" "$pause_ms" "$NM_TMP/jobs" | tr : ' ' >&3
}

# summary GROUP QUANTITY WHO: the line for the numbers of stdin
summary() {
	sort -n | awk -v name="$*" '
		function percentile(p) { return v[int((NR - 1) * p / 100) + 1] }
		{ v[NR] = $1 }
		END { print name, percentile(50), percentile(10), percentile(90), percentile(99), 0, NR }' >&3
}

# peers_every WHO N: sets $every; of those who take their time, the more the more mappings there are, not every round is wanted
peers_every() {
	every=1
	case "$1" in
	portmap* | cni | netavark*) every=$(($2 < 1000 ? 2 : $2 < 10000 ? 4 : 8)) ;;
	esac
}

# beside PREFIX "OTHERS..." WHO...: publish and withdraw beside so many mappings of others, in the groups PREFIX OTHERS
beside() {
	local n who
	for n in $2; do
		say "$n mappings on the hosts"
		for who in "${@:3}"; do
			add "$who" "$1$n" "$n"
		done
	done
	for n in $2; do
		every=1 # behind those who take their time, caches are cold: a first pair is not counted
		jobs nftables "$1$n" | sed 's/ [^ ]*/ -/'
		for who in "${@:3}"; do
			peers_every "$who" "$n"
			jobs "$who" "$1$n"
		done
	done >"$NM_TMP/jobs"
	measure
}

# shellcheck disable=SC2086 # a list of words
section_sizes() {
	ends=1
	beside "" "0 1000 10000" $ours dynamic_nftables dynamic_iptables empty $unconcerned hand_nft hand_ipt hand_natmap \
		$peers cni netavark_bare
}

# shellcheck disable=SC2086 # a list of words
section_dual() {
	dual=1 ends=1
	beside dual 0 $ours empty $unconcerned minimal $peers netavark_bare
}

# shellcheck disable=SC2086 # a list of words
section_bookworm() {
	netavark_driver=iptables ends=1
	beside old "0 1000 10000" nftables iptables empty portmap netavark netavark_bare
}

# Each range is a container of its own on one host, which has nothing else.
section_ranges() {
	local who range
	ends=1
	for who in $ours; do
		add "$who" ranges 0
	done
	while read -r range; do
		for who in $ours; do
			# shellcheck disable=SC2086 # a list of words
			another "$who" "$who-ranges" $range
			every=1
			[[ "$who" != before_* || "$range" != *000* && "$range" != *57001* ]] || every=8
			jobs "$who" "${range%% *}" "${range%% *}" "$who-ranges"
		done
	done >"$NM_TMP/jobs" <<-END
		range1 20000 20000 1 2.1
		range100 20000 20000 100 2.2
		range10000 20000 20000 10000 2.3
		range57001 8000 8000 57001 2.4
		shifted100 20000 30000 100 2.5
		shifted10000 20000 30000 10000 2.6
		shifted57001 8000 8001 57001 2.7
	END
	measure
}

# pod0 is alone; pod10000 has ten containers of a thousand ports of the same process beside it, pod3000 3,000 of one. In
# iptables' chains each port costs, whosever: others10000 and others3000 have as many of other containers.
section_pods() {
	local who group groups="pod0 pod3000 pod10000 others3000 others10000"
	for who in $ours; do
		add "$who" pod0 0
		add "$who" pod3000 3000 pod
		add_pod "$who" pod10000
	done
	for group in others3000 others10000; do
		add iptables "$group" "${group#others}"
	done
	for group in $groups; do
		for who in $ours; do
			[[ "$group" = pod* || "$who" = iptables ]] || continue
			jobs "$who" "$group"
		done
	done >"$NM_TMP/jobs"
	measure
}

# jobs_commands WHO GROUP: restore writes all rules again, into a kernel that has none left; reload and check find nothing to do
jobs_commands() {
	local natmap slow=1 empty=$1-$2-bench.poststop
	natmap "$1" "$1-$2"
	[[ "$2" != *10000 ]] || slow=8
	every=1
	[[ "$1" != before_* ]] || every=$slow
	job "$2:reload:$1" "$1-$2" "$empty" "${natmap[@]}" reload
	job "$2:check:$1" "$1-$2" "$empty" "${natmap[@]}" check
	every=$slow
	if [[ "$1" != before_* ]]; then # it has no metrics
		job "$2:list:$1" "$1-$2" "$empty" "${natmap[@]}" list
		job "$2:metrics:$1" "$1-$2" "$empty" "${natmap[@]}" metrics
	fi
	job - "$1-$2" "$empty" "$(command -v nft)" flush ruleset
	job "$2:restore:$1" "$1-$2" "$empty" "${natmap[@]}" reload
	job - "$1-$2" "$empty" "${natmap[@]}" check
}

section_commands() {
	local who n natmap
	for n in 0 1000 10000 pod10000; do
		for who in $ours; do
			if [[ $n = pod* ]]; then
				add_pod "$who" "$n"
			else
				add "$who" "$n" "$n"
			fi
			hook "$who" "$who-$n" bench createRuntime
			natmap "$who" "$who-$n"
			on "$who-$n" "${natmap[@]}" reload
			on "$who-$n" "${natmap[@]}" check >/dev/null
			jobs_commands "$who" "$n"
		done
	done >"$NM_TMP/jobs"
	measure
}

# churn WHO K CYCLES: K runtimes at once, each with a container that it publishes and withdraws so often. The time of each
# hook, and the cycles a second, to files.
churn() {
	local i begin pids=() file=$NM_TMP/churn-$1-$2
	begin=${EPOCHREALTIME/./}
	for ((i = 1; i <= $2; i++)); do
		"$programs/measure" -a "$3" 0 "$file-$i" >"$file-$i.times" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	awk "BEGIN { print 1e6 * $2 * $3 / (${EPOCHREALTIME/./} - $begin) }" >>"$file.cycles"
	cut -d' ' -f2 "$file"-*.times >>"$file.hooks"
}

churn_up() { # churn_up WHO K
	local i
	add "$1" "churn$2" 0
	for ((i = 1; i <= $2; i++)); do
		another "$1" "$1-churn$2" "c$i" $((10000 + i)) 80 1 "2.$i"
		jobs "$1" "churn$2" "c$i" >"$NM_TMP/churn-$1-$2-$i"
	done
}

# In turns: three, each with some hundred cycles of natmap, and eight of those who take their time, but one of each runtime
section_churn() {
	local k who cycles
	for k in 1 2 8 32; do
		for who in $ours $peers; do
			churn_up "$who" "$k"
		done
		say "$k runtimes at once"
		for _ in 1 2 3; do
			for who in $ours $peers; do
				cycles=$((rounds * 8))
				[[ "$peers" != *"$who"* ]] || cycles=$((rounds / 3))
				churn "$who" "$k" $((cycles < k ? 1 : cycles / k))
			done
		done
		for who in $ours $peers; do
			summary "churn$k" cycles "$who" <"$NM_TMP/churn-$who-$k.cycles"
			summary "churn$k" hook "$who" <"$NM_TMP/churn-$who-$k.hooks"
		done
	done
}

# traffic ROUNDS rate|stream MS HOST...: through the port of each host, in turns; to files
traffic() {
	local round host
	for ((round = 0; round < $1; round++)); do
		for host in "${@:4}"; do
			"$programs/connect" "$2" "$(netns "$host-bench")" 80 "$(netns "$host-ext")" 192.0.2.1 8080 "$3" >>"$NM_TMP/$2-$host"
			on "$host" conntrack -F 2>/dev/null
		done
	done
}

section_traffic() {
	local n who host hosts=() quantity
	for n in 0 1000 10000; do
		say "$n mappings on the hosts"
		for who in nftables iptables hand_nft hand_ipt $peers; do
			add "$who" "$n" "$n"
			now "$who" "$who-$n" bench publish
			hosts+=("$who-$n")
		done
	done
	say "new connections"
	traffic $(((rounds + 1) / 2)) rate 250 "${hosts[@]}"
	say "throughput"
	traffic $((rounds / 4 + 1)) stream 300 "${hosts[@]}"
	for host in "${hosts[@]}"; do
		for quantity in rate stream; do
			summary "${host##*-}" "$quantity" "${host%-*}" <"$NM_TMP/$quantity-$host"
		done
	done
}

# machine: what it is measured on and with
machine() {
	printf '%s, ' "$(date -u '+%Y-%m-%d %H:%M')" "natmap $NM_COMMIT" "$NM_ROUNDS rounds" "Linux $(uname -r | cut -d- -f1)" \
		"$(nproc) processors ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | sort -u | head -n 1))" "$(iptables --version)" \
		"$(nft --version | sed 's/ (.*//')" "CNI plugins $(dpkg-query -W -f='${Version}' containernetworking-plugins)"
	"$netavark" --version
}

finish() {
	local code=$?
	net_down || code=1
	rm -rf "$NM_TMP"
	[[ $code = 0 ]] || echo "bench: failed"
	exit "$code"
}

NM_NS=nm-$$
NM_NODES=
NM_TMP=$(mktemp -d /run/natmap-bench.XXXXXX)
: >"$NM_TMP/pids"
trap finish EXIT
trap 'exit 1' INT TERM
natmap_config nftables
natmap_config iptables
echo "# $1: $(machine)" >&3
"section_$1"
say "done"
