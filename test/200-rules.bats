#!/usr/bin/env bats
# The rules in the kernel are what iptables itself would have made, and natmap touches no others.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap
# bats file_tags=iptables

load helpers/natmap

# publish_all: a container with one mapping of every kind, and one with an allow list
publish_all() {
	publish web 8080:80 5300-5302:53-55/udp 9899:9899/sctp 192.0.2.1:443:4443 127.0.0.2:81:81 0.0.0.0:82:82 \
		'[::]:83:83/udp' '[fd00:99::1]:84:84' 192.0.2.3:6000-6009:7000-7009
	publish db 5432:5432 '[fd00:99::3]:3306:3306' allow=192.0.2.0/24,192.0.2.9,fd00:99::/64
}

# tagged PROGRAM: natmap's own rules on the host, each as "TABLE RULE", RULE without the -A
tagged() {
	on host "$1-save" | awk '/^\*/ { table = substr($1, 2) } /^-A.*"natmap:/ { sub("^-A ", ""); print table, $0 }'
}

# handles: the host's rules with handles, and counters of all but the jumps, which the hosts' own multicast passes
handles() {
	on host nft -a list ruleset 2>/dev/null | sed '/ jump /s/counter packets [0-9]* bytes [0-9]*//'
	on host iptables-save -c | grep '^\[.*natmap:'
	on host ip6tables-save -c | grep '^\[.*natmap:'
}

# chain_of NODE TABLE CHAIN: its rules, without the name of the chain
chain_of() {
	on "$1" iptables -t "$2" -S "$3" | sed -n 's/^-A [^ ]* //p'
}

@test "what the kernel shows can be loaded by iptables-restore elsewhere and is the same there" {
	local program
	fresh_up
	publish_all
	for program in iptables ip6tables; do
		on host "$program-save" >"$NM_TMP/$program"
		on fresh "$program-restore" <"$NM_TMP/$program"
	done
	same "iptables-save" "$(rules host)" "$(rules fresh)"
}

@test "every tagged rule is found and deleted by iptables with its own text" {
	local program table rule n=0
	publish_all
	for program in iptables ip6tables; do
		while read -r table rule; do
			eval "on host $program -t $table -C $rule" || fail "not found: $program -t $table -C $rule"
			eval "on host $program -t $table -D $rule" || fail "not deleted: $program -t $table -D $rule"
			n=$((n + 1))
		done < <(tagged "$program")
	done
	assert "$n" -gt 60
	assert_no_rule host natmap:
}

@test "a withdraw copes with rules that the administrator has deleted already" {
	publish web 8080:80
	on host iptables -t nat -F
	on host ip6tables -F
	withdraw web
	assert_clean
}

@test "specific addresses stand before wildcards, whichever came first" {
	publish web 8080:80
	publish web2 192.0.2.1:8081:80
	assert "$(chain_of host nat NATMAP | head -n 1)" has '-d 192.0.2.1/32'
	publish web3 8082:80
	assert "$(chain_of host nat NATMAP | head -n 1)" has '-d 192.0.2.1/32'
}

@test "a mapping on loopback is guarded, and has nothing in filter" {
	publish web 127.0.0.2:81:81
	assert_rule host '-A PREROUTING -d 127.0.0.2/32 ! -i lo -p tcp -m tcp --dport 81 -m comment --comment "natmap:web:81" -j DROP'
	assert_rule host '-A PREROUTING -d 127.0.0.0/8 -i br0 -m comment --comment "natmap:@localnet/br0" -j DROP'
	assert "$(chain_of host filter NATMAP)" lacks natmap:web
}

@test "with an allow list each source is accepted, and the same match is dropped behind them" {
	publish web 8080:80 allow=192.0.2.9,198.51.100.7/24
	local match='-d 10.88.7.2/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT --ctorigdstport 8080 -m comment --comment "natmap:web:8080"'
	assert "$(chain_of host filter NATMAP | tail -n 3)" = "-s 192.0.2.9/32 $match -j ACCEPT
-s 198.51.100.0/24 $match -j ACCEPT
$match -j DROP"
	assert "$(on host ip6tables -S NATMAP | tail -n 1)" =~ 'natmap:web:8080" -j DROP'$
}

@test "a hook that runs twice changes nothing, down to handles, counters and the state file" {
	local before state_before
	serve ctr tcp 80 web
	publish web 8080:80 53:53/udp '[fd00:99::1]:81:81' allow=192.0.2.0/24
	assert_reach web ext tcp 192.0.2.1 8080
	before=$(handles)
	state_before=$(stat -c '%i %s %y' "$(state_dir)/state" && cat "$(state_dir)/state")
	publish web 8080:80 53:53/udp '[fd00:99::1]:81:81' allow=192.0.2.0/24
	publish web 8080:80 53:53/udp '[fd00:99::1]:81:81' allow=192.0.2.0/24
	same "the rules" "$before" "$(handles)"
	same "the state file" "$state_before" "$(stat -c '%i %s %y' "$(state_dir)/state" && cat "$(state_dir)/state")"
}

@test "a publish and its withdraw leave the ruleset as it was before" {
	local before
	publish first 8079:80
	withdraw first
	before=$(snapshot host)
	publish_all
	refute same "the host" "$before" "$(snapshot host)"
	withdraw web
	withdraw db
	same "the host" "$before" "$(snapshot host)"
}

@test "a publish and its withdraw keep handles and counters of other containers' rules" {
	local before
	publish web 8080:80
	before=$(handles)
	publish db 5432:5432,192.0.2.1:81:81
	withdraw db
	same "the rules" "$before" "$(handles)"
}

@test "the same id with other ports replaces its rules" {
	publish web 8080:80,8081:81
	publish web 8081:81,8082:82
	assert_no_rule host natmap:web:8080
	assert_rule host natmap:web:8081
	assert_rule host natmap:web:8082
	withdraw web
	assert_clean
}

@test "rules of ids that share a prefix survive a withdraw" {
	local id ids='abc abcd ab abc.d abc-1 abc_8080 abc,80' port=80
	for id in $ids; do
		publish "$id" "$port:80"
		port=$((port + 1))
	done
	publish abc8 8080:80
	withdraw abc
	assert_no_rule host '"natmap:abc:'
	port=80
	for id in ${ids#* }; do
		port=$((port + 1))
		assert_rule host "\"natmap:$id:$port\""
	done
	publish abc 800:80,8000-8010:8000-8010
	withdraw abc8
	assert_rule host '"natmap:abc:800"'
	assert_rule host '"natmap:abc:8000-8010"'
}

@test "ids of 300 bytes that differ at the end have tags of their own" {
	local long pid
	long=$(printf 'a%.0s' {1..299})
	pid=$(ctr_start long)
	publish "${long}1" 8080:80 pid="$pid"
	publish "${long}2" 8081:80 pid="$pid"
	assert "$(tagged iptables | grep -o '"natmap:a[^"]*"' | sort -u | wc -l)" -eq 2
	withdraw "${long}1"
	assert "$(tagged iptables | grep -c -- '--ctorigdstport 8080')" -eq 0
	assert "$(tagged iptables | grep -c -- '--ctorigdstport 8081')" -gt 0
	run_natmap list --json
	assert "$(jq -r '.containers[].id' <<<"$output")" = "${long}2"
	withdraw "${long}2"
	assert_clean
}

@test "the longest id is published and withdrawn" {
	local long
	long=$(printf 'b%.0s' {1..1024})
	ctr_start long
	publish "$long" 65535:65535,8000-8010:8000-8010 pid="$(ctr_pid long)"
	assert "$(rules host | grep -o '"natmap:b[^"]*"' | wc -L)" -le 257 "a comment in quotes"
	withdraw "$long"
	assert_clean
}
