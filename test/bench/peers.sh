#!/bin/bash
# peers.sh [ROUNDS [SIZE...]]: natmap side by side with today's peers, in one run and in turns, and what of the goals it falls short
# of. In Debian unstable (test/userlands.sh): CNI portmap with both backends, netavark, and iptables-restore and nft by hand.
#
# NM_BEFORE=FILE  an older natmap inside this tree, to be compared with (goals that name it are left out without)
# NM_CHURN="1 2 8 32"  so many runtimes at once
#
# The machine's own packet filter is not touched. The exit status tells whether everything ran, not whether the numbers are good.
set -eu -o pipefail

cd "$(dirname "$0")/../.."
if [[ "${1:-}" != inside ]]; then
	packages="netavark containernetworking-plugins iproute2 jq conntrack procps"
	test/userlands.sh prepare sid sh -c "dpkg-query -W $packages >/dev/null 2>&1 ||
		{ apt-get -q -o Acquire::Check-Valid-Until=false update && apt-get -qy --no-install-recommends install $packages; }" >/dev/null
	exec test/userlands.sh run sid NM_BEFORE="${NM_BEFORE:+/mnt/${NM_BEFORE#"$PWD"/}}" NM_CHURN="${NM_CHURN:-1 2 8 32}" \
		/mnt/test/bench/peers.sh inside "$@"
fi
shift

# shellcheck source=test/helpers/natmap.bash
. test/helpers/natmap.bash
# shellcheck source=test/bench/contenders.bash
. test/bench/contenders.bash

rounds=${1:-15}
shift $(($# > 0))
sizes=${*:-1 1000 10000}
programs=$NM_BUILD/test/bench
pause_ms=20
ranges="1:20000:20000 100:20000:20000 10000:20000:20000 57001:8000:8000 shifted:20000:30000"

# --- contenders: up_NAME HOST N, jobs_NAME HOST NAME:N, as in contenders.bash

up_before_iptables() { NATMAP=$NM_BEFORE up_natmap "$1" "$2" iptables; }
up_before_nftables() { NATMAP=$NM_BEFORE up_natmap "$1" "$2" nftables; }
jobs_before_iptables() { NATMAP=$NM_BEFORE jobs_natmap "$1" "$2" iptables; }
jobs_before_nftables() { NATMAP=$NM_BEFORE jobs_natmap "$1" "$2" nftables; }

# portmap_ports HOST N BACKEND: portmap's configuration, with N ports from 10000 on, or (null) 8080
portmap_ports() {
	portmap_config "$1" | jq --argjson n "$2" --arg backend "$3" '.backend = $backend |
		if $n then .runtimeConfig.portMappings = [range($n) | {hostPort: (10000 + .), containerPort: 80, protocol: "tcp"}] else . end'
}

up_portmap_nft() {
	local words
	bridge_up "$1"
	portmap_ports "$1" null nftables >"$NM_TMP/$1.json"
	portmap_ports "$1" "$(($2 - 1))" nftables >"$NM_TMP/$1-others.json"
	portmap_words "$1" ADD
	words=("${words[@]/CNI_CONTAINERID=bench/CNI_CONTAINERID=others}")
	[[ "$2" = 1 ]] || on "$1" "${words[@]}" <"$NM_TMP/$1-others.json" >/dev/null
	portmap_words "$1" ADD
	on "$1" "${words[@]}" <"$NM_TMP/$1.json" >/dev/null
	assert "$(on "$1" nft list ruleset | grep -c 'dport .* dnat to')" = "$2" "ports of $1"
}
jobs_portmap_nft() { jobs_portmap "$@"; }

up_netavark_nft() {
	local words others
	export netavark_driver=nftables
	NM_NODES+=" $1-ctr2"
	ip netns add "$NM_NS-$1-ctr2"
	others=$(jq -nc --argjson n "$(($2 - 1))" \
		'[range($n) | {container_port: 80, host_ip: "", host_port: (10000 + .), protocol: "tcp", range: 1}]')
	netavark_config other 10.88.0.2 "$others" >"$NM_TMP/$1-other.json"
	netavark_config bench "$container" '[]' >"$NM_TMP/$1-bare.json"
	netavark_config bench "$container" "[{\"container_port\": 80, \"host_ip\": \"\", \"host_port\": $host_port,
		\"protocol\": \"tcp\", \"range\": 1}]" >"$NM_TMP/$1.json"
	netavark_words setup "$1-ctr2"
	on "$1" "${words[@]}" <"$NM_TMP/$1-other.json" >/dev/null
	netavark_words setup "$1-ctr"
	on "$1" "${words[@]}" <"$NM_TMP/$1.json" >/dev/null
}
jobs_netavark_nft() { jobs_netavark "$@"; }

# hand_rules PLAN SIZE: iptables-restore's lines for SIZE mappings like that of natmap's plan
hand_rules() {
	awk -v n="$2" -v port="$host_port" '
		/^\*/ || /^COMMIT/ { flush(); print; next }
		/^-A/ && /natmap:bench/ { rule[++rules] = $0 }
		function flush(i, r, copy) {
			for (i = 0; i < n; i++)
				for (r = 1; r <= rules; r++) {
					copy = rule[r]
					gsub(port, 10000 + i, copy)
					print copy
				}
			rules = 0
		}' "$1"
}

up_hand_ipt() {
	local natmap
	natmap iptables "$1"
	bridge_up "$1"
	spawn "$1-ctr" sleep infinity
	state bench "$spawned" creating "io.natmap.ports=0.0.0.0:$host_port:80" >"$NM_TMP/oci"
	on "$1" "${natmap[@]}" plan --format iptables <"$NM_TMP/oci" | sed '/^# ip6tables/,$d' >"$NM_TMP/$1.plan"
	on "$1" iptables-restore <"$NM_TMP/$1.plan"
	hand_rules "$NM_TMP/$1.plan" "$(($2 - 1))" | on "$1" iptables-restore -n
	sed '/^-A/{/natmap:bench/!d}; /^:/d' "$NM_TMP/$1.plan" >"$NM_TMP/$1.add"
	sed 's/^-[AI] \([A-Za-z]*\)\( [0-9]*\)\? /-D \1 /' "$NM_TMP/$1.add" >"$NM_TMP/$1.del"
}

jobs_hand_ipt() {
	job "withdraw:$2" "$1" "$1.del" "$(command -v iptables-restore)" -n
	job "publish:$2" "$1" "$1.add" "$(command -v iptables-restore)" -n
}

up_hand_nft() {
	bridge_up "$1"
	{
		echo 'table ip hand { map ports { type inet_proto . inet_service : ipv4_addr . inet_service
			elements = { tcp . 1 : 10.88.1.1 . 80'
		seq -f ', tcp . %.0f : 10.88.1.1 . 80' 10000 $((9998 + $2))
		echo '}; }
			set flows { type ipv4_addr . inet_service; }
			chain pre { type nat hook prerouting priority -100; dnat ip addr . port to meta l4proto . th dport map @ports; }
			chain out { type nat hook output priority -100; dnat ip addr . port to meta l4proto . th dport map @ports; }
			chain post { type nat hook postrouting priority 99; ip daddr . tcp dport @flows masquerade; }
			}'
	} | on "$1" nft -f -
	printf '%s element ip hand ports { tcp . 8080 : %s . 80 }\n%s element ip hand flows { %s . 80 }\n' \
		add "$container" add "$container" >"$NM_TMP/$1.add"
	sed 's/^add/delete/; s/ : .* }$/ }/' "$NM_TMP/$1.add" >"$NM_TMP/$1.del"
	on "$1" nft -f - <"$NM_TMP/$1.add"
}

jobs_hand_nft() {
	job "withdraw:$2" "$1" "$1.del" "$(command -v nft)" -f -
	job "publish:$2" "$1" "$1.add" "$(command -v nft)" -f -
}

# --- what is measured

# hook NAME HOST ID STAGE: a natmap hook as a job; $natmap is its command
hook() {
	job "$1" "$2" "$2-$3.$4" "${natmap[@]}" hook "$4"
}

# container HOST ID PORTS: its states for hook(), of the container on the host
container() {
	state "$2" "$spawned" creating "io.natmap.ports=$3" >"$NM_TMP/$1-$2.createRuntime"
	state "$2" - stopped >"$NM_TMP/$1-$2.poststop"
}

# with WHO: $backend, and $natmap for HOST by the binary of natmap's contender
with() {
	backend=${1#before_}
	[[ "$1" = "$backend" ]] || local NATMAP=$NM_BEFORE
	natmap "$backend" "$2"
}

# more_up WHO: two hosts, for ranges and for a pod with ten containers of a thousand ports
more_up() {
	local natmap backend range size i
	for i in "range_$1-1" "pod_$1-1"; do
		host_up "$i"
		bridge_up "$i"
		spawn "$i-ctr" sleep infinity
		for range in $ranges; do
			IFS=: read -r size host ctr <<<"$range"
			[[ "$size" != shifted ]] || size=10000
			container "$i" "${range%%:*}" "0.0.0.0:$host-$((host + size - 1)):$ctr-$((ctr + size - 1))"
			[[ "$size" != 1 ]] || container "$i" 1 "0.0.0.0:$host:$ctr"
		done
		with "$1" "$i"
		container "$i" base 0.0.0.0:7000:80
		on "$i" "${natmap[@]}" hook createRuntime <"$NM_TMP/$i-base.createRuntime"
	done
	for i in {0..9}; do
		container "pod_$1-1" "of$i" "$(seq -s, $((30000 + i * 1000)) $((30999 + i * 1000)))"
		on "pod_$1-1" "${natmap[@]}" hook createRuntime <"$NM_TMP/pod_$1-1-of$i.createRuntime"
	done
}

more_jobs() { # more_jobs WHO
	local natmap backend range stage
	for range in $ranges; do
		with "$1" "range_$1-1"
		for stage in createRuntime poststop; do
			hook "$([[ $stage = poststop ]] && echo withdraw || echo publish)-range:$1:${range%%:*}" "range_$1-1" "${range%%:*}" "$stage"
		done
	done
	with "$1" "pod_$1-1"
	hook "publish-pod:$1:1" "pod_$1-1" 1 createRuntime
	hook "withdraw-pod:$1:1" "pod_$1-1" 1 poststop
}

# measure ROUNDS: jobs of stdin in turns; "QUANTITY CONTENDER N MEDIAN P90 PEAK P10 P99" to the result
measure() {
	split -l 30 - "$NM_TMP/jobs."
	for file in "$NM_TMP"/jobs.*; do
		"$programs/measure" "$1" "$pause_ms" "$file" | sed 's/:/ /g' >>"$NM_TMP/result"
		rm "$file"
	done
}

churn_up() { # churn_up WHO K: a host with K namespaces of containers on its bridge
	local natmap backend i
	host_up "churn_$1-$2"
	bridge_up "churn_$1-$2"
	with "$1" "churn_$1-$2"
	for ((i = 1; i <= $2; i++)); do
		ip netns add "$NM_NS-churn_$1-$2-c$i"
		NM_NODES+=" churn_$1-$2-c$i"
		ip -n "$NM_NS-churn_$1-$2" -batch - <<-END
			link add v$i type veth peer name eth0 netns $NM_NS-churn_$1-$2-c$i
			link set v$i master br0 up
		END
		ip -n "$NM_NS-churn_$1-$2-c$i" -batch - <<-END
			addr add 10.88.2.$i/16 dev eth0
			link set eth0 up
			route add default via 10.88.0.1
		END
		spawn "churn_$1-$2-c$i" sleep infinity
		container "churn_$1-$2" "c$i" "$((10000 + i)):80"
		{
			hook "publish-churn" "churn_$1-$2" "c$i" createRuntime
			hook "withdraw-churn" "churn_$1-$2" "c$i" poststop
		} >"$NM_TMP/churn.$1.$2.$i"
	done
}

# churn WHO K: K runtimes at once; cycles per second, and the median and 99th percentile of a hook
churn() {
	local i begin end times=$NM_TMP/times pids=()
	begin=$(date +%s%N)
	for ((i = 1; i <= $2; i++)); do
		MEASURE_ALL=1 "$programs/measure" "$((rounds * 2))" 0 "$NM_TMP/churn.$1.$2.$i" >"$times.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	end=$(date +%s%N)
	cat "$times".* | awk '{ print $2 }' | sort -n | awk -v who="$1" -v k="$2" -v ns="$((end - begin))" -v n="$((rounds * 2 * $2))" '
		{ v[NR] = $1 }
		END {
			print "cycles", who, k, n / ns * 1e9
			print "hook-churn", who, k, v[int((NR + 1) / 2)], v[int(NR * 0.9 + 0.5)], 0, v[int(NR * 0.1 + 0.5)], v[int(NR * 0.99 + 0.5)]
		}' >>"$NM_TMP/result"
	rm "$times".*
}

run() {
	local who n k ours="nftables iptables" peers="hand_ipt hand_nft portmap portmap_nft netavark_nft"
	[[ -z "$NM_BEFORE" ]] || ours+=" before_nftables before_iptables"
	for who in $ours; do
		natmap_config "${who#before_}"
	done
	for n in $sizes; do
		say "$n mappings"
		for who in $ours $peers; do
			up "$who" "$n"
		done
		for who in $ours $peers; do
			jobs "$who-$n"
		done >"$NM_TMP/all"
		job "empty:empty:$n" "nftables-$n" stopped.json "$programs/empty" >>"$NM_TMP/all"
		job "unconcerned:nftables:$n" "nftables-$n" unconcerned.json "$NATMAP" hook createRuntime >>"$NM_TMP/all"
		measure "$([[ "$n" = 10000 ]] && echo $(((rounds + 2) / 3)) || echo "$rounds")" <"$NM_TMP/all"
	done
	say "ranges, pods"
	for who in $ours; do
		more_up "$who"
	done
	for who in $ours; do
		more_jobs "$who"
	done | measure "$rounds"
	for k in $NM_CHURN; do
		say "$k runtimes at once"
		for who in $ours; do
			churn_up "$who" "$k"
			churn "$who" "$k"
		done
	done
	say "done"
}

say() {
	printf '%4d s  %s\n' "$SECONDS" "$1"
}

finish() {
	local code=$?
	net_down || code=1
	rm -rf "$NM_TMP"
	[[ $code = 0 ]] || echo "bench: failed" >&2
	exit "$code"
}

NM_NS=nm-$$
NM_NODES=
NM_TMP=$(mktemp -d /run/natmap-bench.XXXXXX)
: >"$NM_TMP/pids"
trap finish EXIT
trap 'exit 1' INT TERM
state bench - stopped >"$NM_TMP/stopped.json"
state bench - creating org.example.ports=8080:80 >"$NM_TMP/unconcerned.json"
mkdir "$NM_TMP/netavark"
run
printf '\nkernel %s, %s processors, %s, %s, CNI plugins %s, %s; %s rounds in turns\n\n' "$(uname -r)" "$(nproc)" "$(iptables --version)" \
	"$(nft --version | cut -d' ' -f 2)" "$(dpkg-query -W -f='${Version}' containernetworking-plugins)" "$("$netavark" --version)" "$rounds"
awk -v before="$NM_BEFORE" -f test/bench/peers.awk "$NM_TMP/result"
