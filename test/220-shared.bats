#!/usr/bin/env bats
# What containers share - settings, the flows of a pod, the state file, an id, a table - and what the end of one does to it.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, from which $stderr comes

load helpers/natmap

setup() {
	net_up
	state=$NM_TMP/state/state
}

# localnet, hairpin: the settings that containers in ctr share
localnet() {
	on host cat /proc/sys/net/ipv4/conf/br0/route_localnet
}

hairpin() {
	on host bridge -d link show dev vctr | grep -o 'hairpin [a-z]*'
}

# in_turn N: 1 withdraws A, then 2 publishes B, and both wait for the lock until 3 has it released
in_turn() {
	case $1 in
	1) withdraw A ;;
	2) wait_for waiters 1 && publish B 9090:90 ;;
	3) wait_for waiters 2 && kill_group "$holder" ;;
	esac
}

# keep_tracking: connection tracking stays on when natmap's last rule goes
keep_tracking() {
	on host iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
}

# stream_open PORT: ctr sends lines through port 8080 of the host to port 7001 of ext, unasked and without end
stream_open() {
	spawn ctr socat -u SYSTEM:'while echo line; do sleep 0.02; done' "TCP4-LISTEN:$1,reuseaddr" || return 1
	wait_for serve_is_ready tcp "$1" 4 || return 1
	: >"$NM_TMP/stream"
	spawn ext socat -u TCP4:192.0.2.1:8080,sourceport=7001,reuseaddr "OPEN:$NM_TMP/stream,append"
}

# stream_goes_on SECONDS: more lines come within so many
stream_goes_on() {
	wait_for -t "$1" flow_has_grown "$NM_TMP/stream" "$(($(wc -l <"$NM_TMP/stream") + 5))"
}

# no_socket NODE PORT: the server there has noticed that its client is gone
no_socket() {
	[[ -z "$(on "$1" ss -Hant "sport = :$2")" ]]
}

# translated PROTO PORT: the entry of the flow from port 7001 to PORT, without what changes with each packet
translated() {
	flows host -p "$1" -o id | grep "dst=192.0.2.1 sport=7001 dport=$2 src=10.88.7.2 " |
		sed -E 's/^([a-z]+ +[0-9]+) [0-9]+ /\1 /; s/ \[ASSURED\]//; s/ use=[0-9]+//'
}

# pidns VALUE: the state file is one of that PID namespace
pidns() {
	sed -i '1s/"pidns":"[^"]*"/"pidns":"'"$1"'"/' "$state"
}

@test "settings stay on for a container that was about to be published while their last user was withdrawn" {
	local holder
	publish A 8080:80
	assert "$(localnet), $(hairpin)" = '1, hairpin on'
	ctr_start B
	hold_lock
	at_once 3 in_turn
	assert "$(live_ids)" = B
	assert "$(localnet), $(hairpin)" = '1, hairpin on'
	assert_rule host 'natmap:@localnet'
	assert_no_rule host natmap:A:
	withdraw B
	assert "$(localnet), $(hairpin)" = '0, hairpin off'
	assert_no_rule host 'natmap:@localnet'
	assert_clean
}

@test "a stream through a port of a pod goes on when the first of its owners leaves, and ends with the last" {
	local first second entry lines
	keep_tracking
	for first in one two; do
		second=$([[ $first = one ]] && echo two || echo one)
		publish one 8080:80
		publish two 8080:80
		stream_open 80
		stream_goes_on 20
		entry=$(translated tcp 8080)
		assert "$entry" =~ 'id=[0-9]+'
		withdraw "$first"
		assert "$(translated tcp 8080)" = "$entry" "the flow's entry after the end of $first"
		stream_goes_on 20
		assert "$(translated tcp 8080)" = "$entry" "the flow's entry later"
		withdraw "$second"
		assert "$(translated tcp 8080)" = "" "the flow's entry after the end of $second"
		lines=$(wc -l <"$NM_TMP/stream")
		refute stream_goes_on 1
		assert "$(wc -l <"$NM_TMP/stream")" -eq "$lines" "lines that came after the end"
		kill_group "$spawned"
		wait_for no_socket ctr 80
		assert_clean
	done
}

@test "a udp flow through a port of a pod is not forgotten when its second owner is published" {
	local entry
	keep_tracking
	serve ctr udp 53 pod
	publish one 5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask f)" = pod
	entry=$(translated udp 5353)
	assert "$entry" =~ 'id=[0-9]+'
	publish two 5353:53/udp
	assert "$(translated udp 5353)" = "$entry"
	assert "$(flow_ask f)" = pod
	withdraw one
	assert "$(translated udp 5353)" = "$entry"
	withdraw two
	assert "$(translated udp 5353)" = ""
	assert_clean
}

# identity: what the header says about where the state belongs
identity() {
	head -n 1 "$state" | jq -c 'del(.retired, .blocks)'
}

# bats test_tags=once
@test "a state file of another PID namespace is never made one of this, however much of it is garbage" {
	local i bundle before inode own
	printf -v bundle '/%016000d' 0
	publish web 8080:80
	ctr_start other
	own=$(head -n 1 "$state" | jq -r .pidns)
	inode=$(stat -c %i "$state")
	pidns 4:1
	before=$(identity)
	for i in {1..6}; do
		publish other 9090:90 "bundle=$bundle" >"$NM_TMP/cycle"
		withdraw other "bundle=$bundle" >"$NM_TMP/cycle"
		assert "$(identity)" = "$before" "header after cycle $i"
	done
	assert "$(stat -c %s "$state")" -lt 90000 "size, without the garbage"
	assert "$(stat -c %i "$state")" != "$inode" "the file"
	pidns "$own"
	withdraw web
	assert "$(head -n 1 "$state" | jq -r .pidns)" = "$own"
	assert_clean
}

# bats test_tags=once
@test "a bundle of two megabytes is refused, and other containers do not suffer from it" {
	local bundle
	printf -v bundle '/%02000000d' 0
	publish web 8080:80
	ctr_start big
	state big "$(ctr_pid big)" creating "bundle=$bundle" io.natmap.ports=9090:90 >"$NM_TMP/in"
	run_natmap rc=5 hook createRuntime <"$NM_TMP/in"
	assert "${#stderr}" -lt 4096 "length of what is said"
	assert_no_rule host natmap:big:
	state big - stopped "bundle=$bundle" >"$NM_TMP/in"
	run_natmap hook poststop <"$NM_TMP/in"
	publish other 9090:90
	assert "$(live_ids)" = 'web other'
	run_natmap list
	assert "$output" lacks big
	withdraw big
	withdraw other
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "a replacement that was cut short is withdrawn by the bundle that replaced" {
	publish web 8080:80 bundle=/a
	ctr_stop web
	publish web 8080:80 bundle=/b
	sed -i '2s/"live":0/"live":1/' "$state" # killed before the old record was retired
	assert "$(jq -r 'select(.live == 1) | .bundle' "$state" | xargs)" = '/a /b'
	withdraw web bundle=/a
	assert "$(live_ids)" = 'web web'
	withdraw web bundle=/b
	assert "$(live_ids)" = ""
	assert_clean
}

# bats test_tags=once
@test "two containers with one id whose runtime knows no bundle are not taken for one while the first runs" {
	local before
	publish web 8080:80 bundle=/
	before=$(snapshot host)
	ctr_start other
	publish rc=4 web 9090:90 bundle=/ pid="$(ctr_pid other)"
	assert "$stderr" has "bundle '/'"
	same rules "$before" "$(snapshot host)"
	assert "$(jq -r 'select(.live == 1) | .ports[]' "$state")" = 8080:80/tcp
	ctr_stop web
	publish web 9090:90 bundle=/ pid="$(ctr_pid other)"
	assert_no_rule host 8080
	withdraw web bundle=/
	assert_clean
}

@test "a table that belongs to another process is reported as the reason, with one port and with a thousand" {
	local before ports owner table=nat
	! in_nftables || table=natmap
	ports=$(seq -s, 20000 20999)
	before=$(snapshot host)
	spawn host sh -c "{ echo 'add table ip $table { flags owner; comment \"natmap:@made\"; }'; exec sleep 600; } | nft -i"
	owner=$spawned
	wait_for has_table || skip "this kernel's tables have no owners"
	for ports in 8080:80 "$ports"; do
		publish rc=1 web "$ports"
		assert "$stderr" has 'Operation not permitted'
		assert "$stderr" lacks 'reply'
		assert "$stderr" lacks 'not undone'
		assert "$(live_ids)" = ""
		assert "$(rules host)" lacks natmap:web
	done
	kill_group "$owner"
	wait_for refute has_table
	same rules "$before" "$(snapshot host)"
	publish web "$ports"
	withdraw web
	assert_clean
}

# bats test_tags=nftables
@test "one port more needs no memory for the thousands that others in its network namespace have" {
	local i kilobytes status=1
	ctr_start one
	for ((kilobytes = 2000; status > 0; kilobytes += 1000)); do # a sanitizer needs terabytes
		((kilobytes < 40000)) || return 0
		NM_WRAP=(prlimit "--as=$((kilobytes * 1024))")
		if on host "${NM_WRAP[@]}" "$NATMAP" version >/dev/null 2>&1; then
			publish rc=any one 8080:80
		fi
	done
	NM_WRAP=()
	withdraw one
	for i in {1..8}; do
		publish "c$i" "$(seq -s, $((10000 + i * 1000)) $((10999 + i * 1000)))"
	done
	NM_WRAP=(prlimit "--as=$((kilobytes * 1024))")
	publish one 8080:80
	withdraw one
	NM_WRAP=()
}

has_table() {
	ruleset host | grep -q 'table ip nat'
}

@test "in a pod of many containers, a publish judges those of its own ports, and few others" {
	strace -o /dev/null true || skip "strace does not work here"
	local pid i
	ctr_start c0
	pid=$(ctr_pid c0)
	for i in {1..40}; do
		publish "c$i" "$((10000 + i)):80" pid="$pid"
	done
	local NM_WRAP=(strace -qq -e trace=openat -o "$NM_TMP/trace")
	publish new 8080:80 pid="$pid"
	assert "$(grep -c "/proc/$pid/stat" "$NM_TMP/trace")" -lt 15 "how often processes are looked at"
	ctr_start other
	publish rc=4 taken 10040:81 pid="$(ctr_pid other)"
	assert "$stderr" has "container 'c40'"
}

# live: ids of the records, in their order
live() {
	grep -o '^{"live":1,.*"pid"' "$state" | sed 's/.*"id":"//; s/",.*//' | tr '\n' ' '
}

# ports_of ID: as recorded
ports_of() {
	grep '^{"live":1,.*"id":"'"$1"'",' "$state" | grep -o '"ports":[^]]*'
}

@test "where a namespace's number and address are used again, the ports of all that were there before go" {
	local i
	for i in {1..6}; do
		publish "old$i" "$((10000 + i)):80"
	done
	publish lives 10007:80
	publish dead 10008:80
	for i in old{1..6} dead; do
		ctr_stop "$i"
	done
	publish new 8080:80
	assert "$(live)" = 'lives dead new ' "who is recorded"
	refute grep -q 1000[1-6] <<<"$(rules host)"
}

@test "a container gets the port that was chosen for the same mapping of its pod, among many others" {
	local i
	for i in {1..6}; do
		publish "c$i" "$((10000 + i)):81"
	done
	publish first 20000-20009:80
	publish second 20000-20009:80
	assert "$(ports_of second)" = "$(ports_of first)" "the second one's port"
}
