#!/usr/bin/env bats
# One backend after the other: by configuration and reload, or by the next publish of a container.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
	serve ctr tcp 80 web
}

teardown() {
	net_down
}

# switch BACKEND: from now on; its reload leaves nothing of the other one
switch() {
	config "{\"backend\": \"$1\"}"
	run_natmap reload
	if [[ $1 = nftables ]]; then
		assert "$(on host iptables-save; on host ip6tables-save)" !~ 'NATMAP|natmap:[^@]' "what iptables shows"
		assert "$(on host nft list table ip natmap)" has '"natmap:web:8080"'
	else
		assert "$(ruleset host)" lacks 'table ip natmap'
		assert "$(ruleset host)" lacks 'table ip6 natmap'
		assert "$(on host iptables-save)" has '"natmap:web:8080"'
	fi
	run_natmap check
}

@test "a reload moves what is published from one backend to the other and back" {
	local backend
	config '{"backend": "iptables"}'
	publish web 8080:80 allow=192.0.2.0/24
	for backend in nftables iptables nftables; do
		switch $backend
		assert_reach web ext tcp 192.0.2.1 8080
		assert_reach web host tcp 127.0.0.1 8080
		assert_no_reach ctr2 tcp 192.0.2.1 8080
		assert "$(jq -r 'select(.live == 1) | .backend' "$(state_dir)/state")" = $backend
	done
	withdraw web
	assert_clean
}

@test "with an iptables FORWARD chain that drops, one rule stays there in nftables" {
	on host iptables -P FORWARD DROP
	config '{"backend": "iptables"}'
	publish web 8080:80
	switch nftables
	assert "$(on host iptables -S)" = $'-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N DOCKER-USER
-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -m mark --mark 0x1000000/0x1000000 -m comment --comment "natmap:@nftables" -j ACCEPT'
	assert_reach web ext tcp 192.0.2.1 8080
	on host iptables -P FORWARD ACCEPT
	run_natmap reload
	assert "$(on host iptables-save)" lacks natmap
	assert "$(on host iptables-save)" lacks DOCKER
}

@test "a withdraw finds the backend in the record, a publish of the same id moves it" {
	config '{"backend": "iptables"}'
	publish web 8080:80
	publish old 8081:80
	config '{"backend": "nftables"}'
	withdraw old
	publish web 8080:80
	assert "$(on host iptables-save)" lacks natmap:web
	assert_reach web ext tcp 192.0.2.1 8080
	config '{"backend": "iptables"}'
	withdraw web
	assert_clean
}

@test "a flush leaves nothing of either" {
	local before
	before=$(ruleset host)
	config '{"backend": "nftables"}'
	publish web 8080:80
	config '{"backend": "iptables"}'
	publish old 8081:80
	run_natmap flush --force
	same "the ruleset" "$before" "$(ruleset host)"
}

@test "static rules work in both" {
	local backend
	for backend in nftables iptables nftables; do
		config '{"backend": "'$backend'", "static": {
			"dnat": [{"name": "mail", "external_address": "192.0.2.1", "internal_address": "10.88.7.2",
				"ports": "80,8000-8010", "protocol": "tcp"}],
			"snat": [{"name": "mail", "internal_address": "10.88.7.2", "external_address": "192.0.2.1"}]}}'
		on host iptables -P FORWARD DROP
		run_natmap reload
		run_natmap check
		assert_reach web ext tcp 192.0.2.1 80
		assert_reach web host tcp 192.0.2.1 80
		run_natmap list --json
		assert "$(jq '.static[0].packets' <<<"$output")" -gt 0 "packets counted in $backend"
	done
	config '{}'
	run_natmap reload
	assert "$(ruleset host)" lacks @dnat
}
