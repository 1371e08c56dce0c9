#!/usr/bin/env bats
# The backend that natmap chooses itself, and that it stays with.
# shellcheck disable=SC2154 # $output and $stderr come from run_natmap
# bats file_tags=once

load helpers/natmap
load helpers/lacking

setup() {
	net_up
	config '{"backend": "auto"}'
}

teardown() {
	net_down
}

# backends: those of the containers that are recorded, each once
backends() {
	jq -r 'select(.live == 1) | .backend' "$(state_dir)/state" | sort -u
}

# chosen BACKEND: that is where a container's port is published, and nothing is in the other one
chosen() {
	publish web 8080:80
	assert "$(backends)" = "$1" || return 1
	if [[ $1 = nftables ]]; then
		assert "$(on host nft list table ip natmap)" has natmap:web:8080
		assert "$(on host iptables-save; on host ip6tables-save)" lacks NATMAP
	else
		assert "$(ruleset host)" lacks 'table ip natmap'
		assert "$(on host iptables-save)" has natmap:web:8080
	fi
	run_natmap check
}

@test "a plan is for the backend that would be chosen" {
	ctr_start web >/dev/null
	run_natmap plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has 'table ip natmap'
	on host nft add table ip nat
	run_natmap plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has '-A NATMAP'
	run_natmap plan --format nft < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has 'table ip natmap'
}

@test "on a host without iptables' tables it is nftables" {
	on host nft 'add table inet filter; add table inet nat; add table ip mangle; add table arp filter'
	chosen nftables
	serve ctr tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
}

@test "one of iptables' tables is enough for iptables" {
	local table
	for table in 'ip filter' 'ip nat' 'ip6 filter' 'ip6 nat'; do
		on host nft flush ruleset
		on host nft "add table $table"
		chosen iptables
		run_natmap flush --force
	done
}

@test "rules of others are a reason for iptables, too" {
	on host iptables -A INPUT -p tcp --dport 22 -j ACCEPT
	chosen iptables
}

@test "nftables stays when somebody begins to use iptables, until a flush" {
	publish one 8081:80
	on host iptables -A INPUT -p tcp --dport 22 -j ACCEPT
	on host ip6tables -t nat -A POSTROUTING -o up0 -j MASQUERADE
	publish two 8082:80
	run_natmap add one 8083:80
	run_natmap remove one 8081:80
	assert "$(backends)" = nftables
	withdraw one
	withdraw two
	chosen nftables
	run_natmap flush --force
	chosen iptables
}

@test "iptables stays where natmap is there already" {
	local table
	config '{"backend": "iptables"}'
	publish one 8081:80
	config '{"backend": "auto"}'
	chosen iptables
	withdraw one
	withdraw web
	# only the chain is left
	for table in 'ip filter' 'ip nat' 'ip6 filter' 'ip6 nat'; do
		on host nft flush ruleset
		on host nft "add table $table; add chain $table NATMAP"
		chosen iptables
		withdraw web
	done
}

@test "where natmap is in both, as after a change of the configuration, it is nftables" {
	config '{"backend": "iptables"}'
	publish one 8081:80
	config '{"backend": "nftables"}'
	publish two 8082:80
	config '{"backend": "auto"}'
	publish three 8083:80
	assert "$(jq -r 'select(.live == 1) | .id + " " + .backend' "$(state_dir)/state" | sort | xargs)" = \
		'one iptables three nftables two nftables'
	run_natmap reload
	assert "$(backends)" = nftables
	assert "$(on host iptables-save)" lacks NATMAP
	run_natmap check
}

@test "a reload moves nothing" {
	local backend before
	for backend in iptables nftables; do
		config "{\"backend\": \"$backend\"}"
		run_natmap reload
		publish web 8080:80
		before=$(on host nft --handle --stateless list ruleset 2>/dev/null)
		config '{"backend": "auto"}'
		run_natmap check
		run_natmap reload
		same "the ruleset, reloaded in $backend" "$before" "$(on host nft --handle --stateless list ruleset 2>/dev/null)"
		assert "$(backends)" = $backend
	done
}

@test "static rules are in the backend that a reload chooses, and counted there" {
	config '{"backend": "auto", "static": {"dnat": [{"name": "mail", "external_address": "192.0.2.1",
		"internal_address": "10.88.7.2", "ports": "80", "protocol": "tcp"}]}}'
	serve ctr tcp 80 mail
	run_natmap reload
	assert "$(on host nft list table ip natmap)" has natmap:@dnat/mail
	assert_reach mail ext tcp 192.0.2.1 80
	run_natmap list --json
	assert "$(jq '.static[0].packets' <<<"$output")" -eq 1
	run_natmap flush
	on host nft add table ip filter
	run_natmap reload
	assert "$(on host iptables-save)" has natmap:@dnat/mail
	assert_reach mail ext tcp 192.0.2.1 80
	run_natmap list --json
	assert "$(jq '.static[0].packets' <<<"$output")" -eq 1
}

@test "a kernel that lacks something of nftables gets iptables" {
	local expression
	for expression in fib ct nat masq; do
		lacking "$expression"
		chosen iptables
		run_natmap flush --force
	done
	lacking ''
	chosen nftables
}

@test "where somebody else has a table natmap it is iptables" {
	on host nft 'add table ip6 natmap; add chain ip6 natmap theirs'
	publish web 8080:80
	assert "$(backends)" = iptables
	run_natmap check
}

# publish_nth N: publishes container cN
publish_nth() {
	publish "c$1" "$((8000 + $1)):80"
}

@test "many hooks at once on an empty host choose the same" {
	local i
	for i in {1..8}; do
		ctr_start "c$i" >/dev/null
	done
	at_once 8 publish_nth
	assert "$(backends)" = nftables
	run_natmap check
}

@test "a withdraw does not choose, and looking does not leave anything behind" {
	local before
	publish web 8080:80
	on host iptables -N OTHER
	withdraw web
	assert_clean
	run_natmap flush
	on host iptables -X OTHER
	on host nft flush ruleset
	before=$(snapshot host)
	run_natmap list
	run_natmap check
	run_natmap doctor
	same "the host" "$before" "$(snapshot host)"
}
