#!/usr/bin/env bats
# One backend after the other: by configuration and reload, or by the next publish of a container.
# shellcheck disable=SC2030,SC2031,SC2154 # $stderr and $output come from run_natmap, in each test
# bats file_tags=once

load helpers/natmap
load helpers/lacking

setup() {
	net_up
	serve ctr tcp 80 web
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
	on host iptables -P FORWARD DROP
	publish web 8080:80 allow=192.0.2.0/24
	flow_open old ext tcp 192.0.2.1 8080
	flow_ask old
	for backend in nftables iptables nftables; do
		switch $backend
		assert "$(flow_ask old)" = web
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
-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -m mark --mark 0x1000/0x1000 -m conntrack --ctstate DNAT -m comment --comment "natmap:@nftables" -j ACCEPT'
	assert_reach web ext tcp 192.0.2.1 8080
	on host iptables -P FORWARD ACCEPT
	run_natmap reload
	assert "$(on host iptables-save)" lacks natmap
	assert "$(on host iptables-save)" lacks DOCKER
}

@test "where the kernel lacks its extensions, that rule is one that iptables still lists, and opens nothing else" {
	local lacking
	config '{"backend": "nftables"}'
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
	for lacking in '11 match target' mark conntrack; do
		# shellcheck disable=SC2086 # words
		lacking $lacking
		publish web 8080:80
		publish two 8081:80
		assert "$(on host iptables -S)" = $'-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N DOCKER-USER
-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -m mark --mark 0x1000/0x1000 -m comment --comment "natmap:@nftables" -j ACCEPT'
		assert "$(on host ip6tables -S DOCKER-USER)" has '--mark 0x1000/0x1000'
		run_natmap check
		run_natmap doctor
		run_natmap reload
		assert_reach web ext tcp 192.0.2.1 8080
		assert_reach web ext tcp fd00:99::1 8080
		assert_reach web ctr2 tcp 192.0.2.1 8080
		on host nft 'table inet marking { chain prerouting { type filter hook prerouting priority -150; meta mark set 0x1000; }; }'
		assert_no_reach ext tcp 10.88.7.2 80
		assert_reach web ext tcp 192.0.2.1 8080
		on host nft delete table inet marking
		lacking
		run_natmap check
		withdraw two
		run_natmap flush --force
		assert "$(on host iptables -S)" lacks DOCKER-USER
	done
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
		assert "$(packets_after '"static":[')" -gt 0 "packets counted in $backend"
	done
	config '{}'
	run_natmap reload
	assert "$(ruleset host)" lacks @dnat
}

@test "in nftables, the counter of an element passes to the container of the pod that stays" {
	config '{"backend": "nftables"}'
	publish A 8080:80
	publish B 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	withdraw A
	assert_reach web ext tcp 192.0.2.1 8080
	run_natmap list --json
	assert "$(packets_after '"mappings":[')" = 2 "connections of B"
}

@test "a ruleset that nft has saved can be loaded, and is right then" {
	config '{"backend": "nftables", "static": {"dnat": [{"name": "mail", "external_address": "192.0.2.3",
		"external_interface": "up0", "internal_address": "10.88.7.2", "ports": "25,8000-8010", "protocol": "udp"}],
		"snat": [{"name": "net", "internal_address": "10.88.7.0/20", "external_address": "192.0.2.1"}]}}'
	run_natmap reload
	publish web 8080:80,192.0.2.3:8081:80,127.0.0.2:8082:80 allow=192.0.2.0/24,fd00:99::/63
	on host nft list ruleset >"$NM_TMP/saved"
	on host nft flush ruleset
	on host nft -f "$NM_TMP/saved"
	run_natmap check
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
	assert_no_reach ctr2 tcp 192.0.2.1 8080
}

@test "a copy that was loaded at boot does not keep a reload from starting with a new state" {
	config '{"backend": "nftables"}'
	publish web 8080:80
	rm -r "$(state_dir)"
	run_natmap rc=1 reload
	assert "$stderr" has "('natmap:web:8080'): --force removes them"
	on host nft list ruleset >"$NM_TMP/saved"
	on host nft flush ruleset
	on host nft -f "$NM_TMP/saved"
	run_natmap reload
	run_natmap check
	assert "$(on host nft list table ip natmap)" lacks natmap:web
}

@test "a table natmap that is somebody else's is not touched, and refused where it is in the way" {
	local backend before
	on host nft 'table ip natmap { set open { type ipv4_addr; }; chain forward { type filter hook forward priority 0; }; }'
	before=$(on host nft list table ip natmap)
	config '{"backend": "nftables"}'
	publish rc=1 web 8080:80
	assert "$stderr" has "nft table ip natmap is there, and not natmap's"
	config '{"backend": "nftables", "static": {"dnat": [{"name": "mail", "internal_address": "10.88.7.2", "ports": "25"}]}}'
	run_natmap rc=1 reload
	assert "$stderr" has "nft table ip natmap is there, and not natmap's"
	config '{"backend": "iptables"}'
	publish web 8080:80
	run_natmap check
	run_natmap reload
	run_natmap flush --force
	same "the table" "$before" "$(on host nft list table ip natmap)"
}

# changed TEXT COMMAND...: what the nft commands do to natmap's table check tells with TEXT; a reload mends it
changed() {
	local text=$1 command
	shift
	for command; do
		on host nft "$command"
	done
	run_natmap rc=3 check
	assert "$output" has "nft table ip natmap: $text has been changed"
	assert "$output" lacks "missing"
	run_natmap reload
	run_natmap check
	assert_reach web ext tcp 192.0.2.1 8080
}

@test "a table of another form is made anew by a reload, and a withdraw copes with it" {
	local flush='flush chain ip natmap forward'
	config '{"backend": "nftables"}'
	publish web 8080:80
	changed "table 'natmap'" 'add table ip natmap { flags dormant; }'
	changed "chain 'forward'" 'add chain ip natmap forward { policy drop; }'
	changed "chain 'forward'" "$flush" 'delete chain ip natmap forward' 'add chain ip natmap forward'
	changed "chain 'forward'" "$flush" 'delete chain ip natmap forward' \
		'add chain ip natmap forward { type filter hook forward priority 7; }'
	changed "set 'open'" "$flush" 'delete set ip natmap open' 'add set ip natmap open { type ipv4_addr; }'
	changed "map 'ports'" 'flush chain ip natmap translate' 'delete map ip natmap ports' \
		'add map ip natmap ports { type inet_proto . inet_service : ipv4_addr; }'
	on host nft "$flush"
	on host nft 'delete set ip natmap open'
	on host nft 'add set ip natmap open { type ipv4_addr; }'
	withdraw web
	assert "$(on host nft list table ip natmap)" lacks natmap:web
}

@test "what others put into a chain or set of the table, check tells once for each, and a reload removes it" {
	config '{"backend": "nftables"}'
	publish web 8080:80
	on host nft 'add rule ip natmap restricted counter; add rule ip natmap restricted accept'
	on host nft 'add element ip natmap restricted { 10.9.9.9 . tcp . 1 . 2, 10.9.9.9 . tcp . 3 . 4 }'
	run_natmap rc=3 check
	assert "$output" = "nft table ip natmap: chain 'restricted' has stale rules
nft table ip natmap: set 'restricted' has stale elements"
	run_natmap reload
	run_natmap check
	assert_reach web ext tcp 192.0.2.1 8080
}
