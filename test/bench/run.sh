#!/bin/bash
# run.sh [ROUNDS]: measures natmap's hook side by side with what it is compared with, in one run, and says for each number
# that natmap promises whether it is reached: ratios of this run, but for memory and the administrator's commands.
#
# Three hosts, each a network namespace with a bridge and one container on it, with an IPv4 and an IPv6 address, publish
# 8080:80: natmap's, that of `minimal` (minimal.c), and that of the CNI portmap plugin. On a fourth one the administrator's
# commands find a thousand containers published. The machine's own packet filter is not touched. The exit status tells whether everything ran, not whether the numbers are good.
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/../helpers/natmap.bash"

rounds=${1:-${ROUNDS:-100}}
pause_ms=20 # a grace period of the kernel and some: a deletion of the process before must not be waited for by the next
portmap=/usr/lib/cni/portmap
programs=$NM_BUILD/test/bench
few=10 many=10000
published=1000 command_rounds=10

# host_up HOST: a host with a bridge, and the namespace HOST-ctr of a container on it
host_up() {
	local n
	for n in "$1" "$1-ctr"; do
		ip netns add "$NM_NS-$n"
		on "$n" ip link set lo up
	done
	ip -n "$NM_NS-$1" -batch - <<-END
		link add br0 type bridge
		addr add 10.88.7.1/24 dev br0
		addr add fd00:7::1/64 dev br0 nodad
		link set br0 up
		link add vctr type veth peer name eth0 netns $NM_NS-$1-ctr
		link set vctr master br0 up
	END
	ip -n "$NM_NS-$1-ctr" -batch - <<-END
		addr add 10.88.7.2/24 dev eth0
		addr add fd00:7::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.88.7.1
		route add default via fd00:7::1
	END
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# portmap_config: what portmap reads on stdin
portmap_config() {
	jq -n --arg netns "$(netns portmap-ctr)" '{
		cniVersion: "1.0.0", name: "bench", type: "portmap", capabilities: {portMappings: true}, snat: true,
		runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]},
		prevResult: {cniVersion: "1.0.0", interfaces: [{name: "br0"}, {name: "eth0", sandbox: $netns}],
			ips: [{interface: 1, address: "10.88.7.2/24", gateway: "10.88.7.1"},
				{interface: 1, address: "fd00:7::2/64", gateway: "fd00:7::1"}]}}'
}

# job NAME HOST STDIN WORD...: a line for `measure`
job() {
	printf '%s %s %s' "$1" "$(netns "$2")" "$NM_TMP/$3"
	printf ' %s' "${@:4}"
	echo
}

# natmap_job NAME STATE-DIR STDIN STAGE
natmap_job() {
	job "$1" natmap "$3" "$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/$2" hook "$4"
}

admin_job() { # admin_job COMMAND
	job "$1" admin stopped.json "$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/state-admin" "$1"
}

portmap_job() { # portmap_job NAME CNI_COMMAND
	job "$1" portmap portmap.json CNI_COMMAND="$2" CNI_CONTAINERID=bench CNI_NETNS="$(netns portmap-ctr)" \
		CNI_IFNAME=eth0 CNI_PATH="${portmap%/*}" "$portmap"
}

# measure ROUNDS JOB...: runs these jobs, functions below, in turns
measure() {
	local job_rounds=$1 one
	shift
	for one; do
		"job_$one"
	done >"$NM_TMP/jobs"
	"$programs/measure" "$job_rounds" "$pause_ms" "$NM_TMP/jobs"
}

job_publish() { natmap_job publish state bench.json createRuntime; }
job_withdraw() { natmap_job withdraw state stopped.json poststop; }
job_publish_few() { natmap_job publish-few state-few bench.json createRuntime; }
job_withdraw_few() { natmap_job withdraw-few state-few stopped.json poststop; }
job_publish_many() { natmap_job publish-many state-many bench.json createRuntime; }
job_withdraw_many() { natmap_job withdraw-many state-many stopped.json poststop; }
job_reload() { admin_job reload; }
job_list() { admin_job list; }
job_check() { admin_job check; }
job_metrics() { admin_job metrics; }
job_unconcerned() { natmap_job unconcerned state unconcerned.json createRuntime; }
job_empty() { job empty natmap bench.json "$programs/empty"; }
job_minimal() { job minimal minimal bench.json "$programs/minimal" add; }
job_minimal_remove() { job -minimal-remove minimal bench.json "$programs/minimal" remove; }
job_portmap_add() { portmap_job portmap-add ADD; }
job_portmap_del() { portmap_job portmap-del DEL; }

# record_others DIR N: makes a state directory that says that N containers are published, like that of this bench and
# without it
record_others() {
	cp -a "$NM_TMP/state" "$NM_TMP/$1"
	on natmap "$programs/fill" "$NM_TMP/$1" "$2"
	on natmap "$NATMAP" --state-dir "$NM_TMP/$1" hook poststop <"$NM_TMP/stopped.json"
	# natmap must take them for its own
	on natmap "$NATMAP" --state-dir "$NM_TMP/$1" list >"$NM_TMP/list"
	assert "$(grep -c 'other-' "$NM_TMP/list")" = "$2" "containers that natmap knows in $1"
}

# prepare_admin: a state of many containers as above, for another host, and their rules
prepare_admin() {
	local natmap=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/state-admin")
	record_others state-admin "$published"
	on admin "${natmap[@]}" --state-dir "$NM_TMP/state-header" reload
	{ head -n 1 "$NM_TMP/state-header/state" && tail -n +2 "$NM_TMP/state-admin/state"; } >"$NM_TMP/state-admin/new"
	mv "$NM_TMP/state-admin/new" "$NM_TMP/state-admin/state"
	chmod 0600 "$NM_TMP/state-admin/state"
	on admin "${natmap[@]}" reload
	on admin "${natmap[@]}" check
	assert "$(rules admin | grep -c -- '-A NATMAP.* -j DNAT')" = "$((2 * published))" "rules of $published containers"
}

# prepare: brings the hosts into the state that every round begins with, and checks that all three publish what they say
prepare() {
	local pid
	spawn natmap-ctr sleep infinity
	pid=$spawned
	config '{"policy": {"address": ["0.0.0.0/0", "::/0"]}}' # those of record_others, which no namespace has
	state bench "$pid" creating io.natmap.ports=8080:80 >"$NM_TMP/bench.json"
	state bench "$pid" creating org.example.ports=8080:80 >"$NM_TMP/unconcerned.json"
	state bench - stopped >"$NM_TMP/stopped.json"
	portmap_config >"$NM_TMP/portmap.json"
	measure 1 publish >/dev/null
	prepare_minimal
	record_others state-few "$few"
	record_others state-many "$many"
	prepare_admin
	measure 1 portmap_add >/dev/null
	assert_rule portmap "--dport 8080 -j DNAT --to-destination 10.88.7.2:80"
	measure 1 withdraw minimal_remove portmap_del >/dev/null
	assert_no_rule portmap "--dport 8080"
}

# prepare_minimal: natmap makes the tables and jumps; then `minimal` must write the very rules that natmap writes
prepare_minimal() {
	local natmap=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/state-minimal")
	on minimal "${natmap[@]}" hook createRuntime <"$NM_TMP/bench.json"
	on minimal "${natmap[@]}" hook poststop <"$NM_TMP/stopped.json"
	measure 1 minimal >/dev/null
	same "rules of the minimal program" "$(rules natmap)" "$(rules minimal)"
}

# report: the table and the ratios, from the lines of `measure`
report() {
	awk -v few="$few" -v many="$many" -v published="$published" '
		function row(name, text) {
			printf "%-52s %10d %10d %9d\n", text, median[name], p90[name], peak[name]
		}
		function judge(text, value, bound, shown) {
			printf "%-52s %10.3f   at most %-12s %s\n", text, value, shown, value <= bound ? "ok" : "MISSED"
		}
		{ median[$1] = $2; p90[$1] = $3; peak[$1] = $4 }
		END {
			printf "%-52s %10s %10s %9s\n", "", "median us", "p90 us", "peak KiB"
			row("publish", "natmap hook createRuntime")
			row("withdraw", "natmap hook poststop")
			row("unconcerned", "natmap hook createRuntime, no annotation")
			row("empty", "empty program")
			row("minimal", "minimal program: same filter, same batch")
			row("portmap-add", "CNI portmap ADD")
			row("portmap-del", "CNI portmap DEL")
			row("publish-few", "natmap hook createRuntime, " few " others recorded")
			row("withdraw-few", "natmap hook poststop, " few " others recorded")
			row("publish-many", "natmap hook createRuntime, " many " others recorded")
			row("withdraw-many", "natmap hook poststop, " many " others recorded")
			row("reload", "natmap reload, " published " published, nothing to change")
			row("list", "natmap list, " published " published")
			row("check", "natmap check, " published " published")
			row("metrics", "natmap metrics, " published " published")
			print ""
			judge("publish / portmap ADD", median["publish"] / median["portmap-add"], 1 / 20, "1/20")
			judge("publish / minimal program", median["publish"] / median["minimal"], 1.5, "1.5")
			judge("withdraw / portmap DEL", median["withdraw"] / median["portmap-del"], 1 / 30, "1/30")
			judge("no annotation / empty program", median["unconcerned"] / median["empty"], 1.4, "1.4")
			judge("publish, " many " / " few " others recorded", median["publish-many"] / median["publish-few"], 1.5, "1.5")
			judge("withdraw, " many " / " few " others recorded", median["withdraw-many"] / median["withdraw-few"], 1.5, "1.5")
			judge("peak MiB of a publish, " few " others recorded", peak["publish-few"] / 1024, 4, "4 MiB")
			judge("peak MiB of a publish, " many " others recorded", peak["publish-many"] / 1024, 4, "4 MiB")
			judge("seconds of a reload, " published " published", median["reload"] / 1e6, 0.5, "0.5 s")
			judge("seconds of a list, " published " published", median["list"] / 1e6, 0.1, "0.1 s")
			judge("seconds of a check, " published " published", median["check"] / 1e6, 0.5, "0.5 s")
			judge("peak MiB of a withdraw, " many " others recorded", peak["withdraw-many"] / 1024, 4, "4 MiB")
		}'
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
for file in "$NATMAP" "$programs"/{measure,minimal,empty,fill} "$portmap"; do
	if [[ ! -x "$file" ]]; then
		echo "bench: $file is missing: 'make deps' and 'make bench' make it" >&2
		exit 1
	fi
done

NM_NS=nm-$$
NM_NODES="natmap natmap-ctr minimal minimal-ctr portmap portmap-ctr admin admin-ctr"
NM_TMP=$(mktemp -d /run/natmap-bench.XXXXXX)
: >"$NM_TMP/pids"
trap finish EXIT
trap 'exit 1' INT TERM
for host in natmap minimal portmap admin; do
	host_up "$host"
done
prepare
echo "$rounds rounds of all in turns; kernel $(uname -r), $(nproc) processors, $(iptables --version)"
measure "$rounds" publish withdraw unconcerned empty minimal minimal_remove portmap_add portmap_del \
	publish_few withdraw_few publish_many withdraw_many >"$NM_TMP/result"
measure "$command_rounds" reload list check metrics >>"$NM_TMP/result"
report <"$NM_TMP/result"
