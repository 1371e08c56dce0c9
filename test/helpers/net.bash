# shellcheck shell=bash
# One test's network: a host, two containers on its bridge and a client outside, each a network namespace.
#
#   ext  eth0 192.0.2.2 192.0.2.9 fd00:99::2         default routes via host
#    |
#   host up0  192.0.2.1 192.0.2.3 fd00:99::1 fd00:99::3   forwarding on
#        br0  10.88.7.1 fd00:7::1
#    |------------------.
#   ctr  eth0            ctr2 eth0
#   10.88.7.2 fd00:7::2  10.88.7.3 fd00:7::3          default routes via host
#
# The names carry the test's process id, so tests can run side by side.

NM_NODES="host ctr ctr2 ext"

# netns NODE: the path of its network namespace
netns() {
	printf '/run/netns/%s-%s' "$NM_NS" "$1"
}

# on NODE COMMAND...: runs it there. Not `ip netns exec`, which mounts another /sys and so hides the cgroups from runc.
on() {
	"$NM_PROGRAMS/enter" "/run/netns/$NM_NS-$1" "${@:2}"
}

# on_for SECONDS NODE COMMAND...: the same; ends it when it takes longer, with the status 124
on_for() {
	"$NM_PROGRAMS/enter" -t "$1" "/run/netns/$NM_NS-$2" "${@:3}"
}

# net_up: makes the four namespaces, and $NM_TMP for the test's files. From then on bats follows no command within functions,
# which takes it more time than all else: a failure is at the line of the test. With NM_TEST_TRACE=1 it is at the inmost one.
net_up() {
	if [[ "${NM_TEST_TRACE:-0}" != 1 ]]; then
		set +T
		[[ -z "${BATS_TEST_NAME:-}" ]] || declare -ft "$BATS_TEST_NAME" # which later versions of bats call after this
	fi
	[[ -x "$NM_PROGRAMS/net" ]] || fail "make test-programs builds what is missing: $NM_PROGRAMS/net" || return 1
	NM_NS=nm-$BASHPID
	NM_TMP=${BATS_TEST_TMPDIR:-$(mktemp -d)} || return 1
	export NM_NS NM_TMP
	: >"$NM_TMP/pids"
	config '{}'
	local stale=("/run/netns/$NM_NS"-*) # of a test that was killed, and had this number
	[[ ! -e "${stale[0]}" ]] || "$NM_PROGRAMS/net" down "${stale[@]}"
	"$NM_PROGRAMS/net" up "$NM_NS"
}

# net_is_up: the host's links have noticed that their other ends are up. Until then they lose what is sent.
net_is_up() {
	[[ "$(ip -n "$NM_NS-host" -o link)" != *NO-CARRIER* ]]
}

# ip_batch NODE [SETTING=VALUE...]: runs the ip commands on stdin there, after making the settings below net/
ip_batch() {
	# shellcheck disable=SC2016 # for that shell
	on "$1" sh -c 'cd /proc/sys/net && for s; do echo "${s#*=}" >"${s%%=*}" || exit 1; done && exec ip -batch -' sh "${@:2}"
}

# net_ctr_up NODE LAST: a new eth0 of the node has the addresses that end in LAST, as one of net_up has
net_ctr_up() {
	ip_batch "$1" <<-END
		addr add 10.88.7.$2/24 dev eth0
		addr add fd00:7::$2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.88.7.1
		route add default via fd00:7::1
	END
}

# fresh_up: one more network namespace, without anything in it, as the node "fresh"
fresh_up() {
	NM_NODES+=" fresh"
	ip netns add "$NM_NS-fresh"
}

# net_down: ends what the test started and removes its namespaces. Fails when a process was left there that no helper started.
net_down() {
	[[ -n "${NM_NS:-}" ]] || return 0
	local pid left=""
	if [[ -d "$NM_TMP/runtime" ]]; then
		runtime_clean
	fi
	while read -r pid; do
		kill_group "$pid"
	done <"$NM_TMP/pids"
	wait_for -t 5 net_is_idle || left=$(net_processes)
	for pid in $left; do
		printf 'left running: %s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
		kill -KILL "$pid" 2>/dev/null || :
	done
	# shellcheck disable=SC2086 # a list of words
	set -- $NM_NODES
	"$NM_PROGRAMS/net" down "${@/#//run/netns/$NM_NS-}" || left="$left namespaces"
	unset NM_NS
	[[ -z "$left" ]] || fail "left behind: $left"
}

# net_processes [NODE...]: the ids of the processes in these namespaces of the test's (all)
net_processes() {
	# shellcheck disable=SC2086 # a list of words
	[[ $# -gt 0 ]] || set -- $NM_NODES
	"$NM_PROGRAMS/enter" -l "${@/#//run/netns/$NM_NS-}"
}

net_is_idle() {
	[[ -z "$(net_processes)" ]]
}

# spawn NODE COMMAND...: starts a command there that net_down ends, with its children; sets $spawned to its id
spawn() {
	"$NM_PROGRAMS/enter" -s "/run/netns/$NM_NS-$1" "${@:2}" </dev/null >>"$NM_TMP/spawn.log" 2>&1 3>&- &
	spawned=$!
	disown # or bash reports on its end
	echo "$spawned" >>"$NM_TMP/pids"
	wait_for spawn_has_entered "$spawned" "$1"
}

# Between fork and setns the process is still in the namespace of the tests.
spawn_has_entered() {
	[[ "/proc/$1/ns/net" -ef "/run/netns/$NM_NS-$2" ]]
}

# kill_group PID: ends a spawned command and its children
kill_group() {
	kill -KILL -- "-$1" 2>/dev/null || :
}

# ctr_start ID [NODE]: starts the process of a container (in ctr); prints its id
ctr_start() {
	spawn "${2:-ctr}" sleep 600 || return 1
	echo "$spawned" >"$NM_TMP/ctr-$1"
	echo "$spawned"
}

# ctr_pid ID: the id of the container's process, which ctr_start started
ctr_pid() {
	local pid
	[[ -e "$NM_TMP/ctr-$1" ]] && slurp pid "$NM_TMP/ctr-$1" && echo "$pid"
}

# ctr_stop ID: ends the container's process and waits until it is gone
ctr_stop() {
	local pid
	pid=$(ctr_pid "$1") || return 1
	kill_group "$pid"
	rm "$NM_TMP/ctr-$1"
	wait_for process_is_gone "$pid"
}

process_is_gone() {
	[[ ! -e /proc/$1 ]] || grep -q '^State:.[ZX]' "/proc/$1/status"
}

# ruleset NODE: what nft shows there, without counters. Old nft leaves out iptables' IPv6 DNAT targets: see `rules`, too.
ruleset() {
	if in_nftables; then
		on "$1" nft --stateless list ruleset 2>/dev/null | elements_sorted
	else
		on "$1" nft --stateless list ruleset 2>/dev/null
	fi
}

# rules NODE: what iptables and ip6tables show there, without counters and times, and natmap's own tables
rules() {
	# shellcheck disable=SC2016 # for that shell
	local views='iptables-save; ip6tables-save' own='; for f in ip ip6; do nft --stateless list table $f natmap 2>/dev/null; done'
	! in_nftables || views+=$own
	on "$1" sh -c "$views" | listing
}

# elements_sorted: what nft lists, with the elements of each set in order and each on a line: the kernel's depends on a seed
elements_sorted() {
	if in_nftables; then
		listing
	else
		cat
	fi
}

# listing: what nft, iptables-save and `bridge -d link` after a line #bridge print, without what differs each time: counters,
# times, the order of elements in nftables
listing() {
	LC_ALL=C awk -v sort="$(in_nftables && echo 1)" "$NM_LISTING"
}

# shellcheck disable=SC2016 # of awk
NM_LISTING='
	function sorted(from, to,    i, last, pivot, swap) {
		if (from >= to)
			return
		pivot = element[int((from + to) / 2)]
		i = from
		last = to
		while (i <= last) {
			while (element[i] < pivot) i++
			while (element[last] > pivot) last--
			if (i <= last) { swap = element[i]; element[i++] = element[last]; element[last--] = swap }
		}
		sorted(from, last)
		sorted(i, to)
	}
	sort && /^\t\telements = \{ / { in_set = 1; count = 0; sub(/elements = \{ /, "") }
	in_set && /^\t}$/ { sorted(1, count); for (i = 1; i <= count; i++) print element[i]; in_set = 0 }
	in_set { sub(/^[\t ]+/, "\t\t"); sub(/(,| \})$/, ""); element[++count] = $0; next }
	/^#bridge$/ { in_bridge = 1; next }
	in_bridge { if (match($0, /^[0-9]+: [^:@]*|hairpin [a-z]*/)) print substr($0, RSTART, RLENGTH); next }
	/^# Generated by / { print $4; next }
	/^# Completed on/ { next }
	{ sub(/ \[[0-9]*:[0-9]*\]$/, ""); print }'

# snapshot NODE: all that natmap may change there, to compare with `same`: rules in both views, settings, bridge ports
snapshot() {
	on "$1" sh -c 'nft --stateless list ruleset 2>/dev/null; iptables-save; ip6tables-save
		cd /proc/sys/net && grep . ipv4/ip_forward ipv4/conf/*/route_localnet ipv6/conf/*/forwarding ipv6/conf/*/accept_ra
		echo "#bridge"; bridge -d link' | listing
}

# flows NODE [OPTION...]: the connections that its conntrack knows
flows() {
	on "$1" conntrack -L "${@:2}" 2>/dev/null
}
