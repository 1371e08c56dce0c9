#!/usr/bin/env bats
# Ranges of ports that are more than a few: in nftables a range is some blocks of ports.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	state=$NM_TMP/state/state
}

# serve_all PORT...: servers on these ports of ctr that answer with their port
serve_all() {
	local port
	for port in "$@"; do
		serve ctr tcp "$port" "$port %p"
	done
}

# older FIRST LAST SHIFT ID...: the mappings of these containers, each with all of these ports, are in the kernel as natmap had them up to 0.1.0,
# port by port, and in the state as a range
older() {
	local first=$1 last=$2 shift=$3 ports id
	ports=$(seq "$first" "$last" | sed "s/.*/echo &:\$((& + $shift))/" | bash | paste -sd,)
	for id in "${@:4}"; do
		publish "$id" "$ports"
	done
	for id in "${@:4}"; do
		sed -i '/"id":"'"$id"'"/s/"ports":\[[^]]*\]/"ports":["'"$first-$last:$((first + shift))-$((last + shift))"'\/tcp"]/' "$state"
	done
}

# elements: how many elements containers have
elements() {
	tags host | grep -cE '^natmap:[^@]'
}

@test "each port of a range of blocks leads to its own, from everywhere, and the ports beside it nowhere" {
	local port to
	serve_all 7998 7999 8000 8063 8064 8319 8320 8321 9001 9002 9129 9322 9323
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
	publish web '7999-8320:7999-8320,9999-10320:9002-9323'
	for port in 7999 8000 8063 8064 8319 8320; do
		assert_reach "$port 192.0.2.2" ext tcp 192.0.2.1 "$port"
		assert_reach "$port fd00:99::2" ext tcp fd00:99::1 "$port"
	done
	for port in 9002 9129 9322 9323; do
		assert_reach "$port 192.0.2.2" ext tcp 192.0.2.1 $((port + 997))
		assert_reach "$port fd00:99::2" ext tcp fd00:99::1 $((port + 997))
	done
	for port in 8064 9129; do
		to=$((port == 8064 ? port : port + 997))
		assert_reach "$port 10.88.7.1" host tcp 127.0.0.1 "$to"
		assert_reach "$port 10.88.7.1" ctr tcp 192.0.2.1 "$to"
		assert_reach "$port fd00:7::1" ctr2 tcp fd00:99::1 "$to"
	done
	for port in 7998 8321 9998 10321; do
		assert_no_reach ext tcp 192.0.2.1 "$port"
	done
	assert_no_reach ext tcp 10.88.7.2 8064
	run_natmap list --json
	assert "$(packets_after '7999-8320:7999-8320/tcp' | head -1)" -ge 12 "connections to the first range"
	agrees
	withdraw web
	assert_no_reach ext tcp 192.0.2.1 8064
	assert_clean
}

@test "the allow list, the guard of a loopback address and the owner of a range hold in its blocks" {
	serve_all 8070 9070
	publish web '8000-8127,127.0.0.2:9000-9127' allow=192.0.2.2
	assert_reach '8070 192.0.2.2' ext tcp 192.0.2.1 8070 from=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8070 from=192.0.2.9
	assert_no_reach ext tcp fd00:99::1 8070
	assert_reach '9070 10.88.7.1' host tcp 127.0.0.2 9070
	assert_no_reach ext tcp 192.0.2.1 9070
	publish rc=4 other 8070:80
	publish rc=4 other 8100-8200:100-200
	publish other 127.0.0.3:9000-9127:9000-9127
	withdraw other
	publish web 8000-8127 # the same process: the list and the second range go
	assert_reach '8070 192.0.2.9' ext tcp 192.0.2.1 8070 from=192.0.2.9
	assert_no_reach host tcp 127.0.0.2 9070
	agrees
	on host nft flush ruleset 2>/dev/null
	run_natmap reload
	assert_reach '8070 192.0.2.9' ext tcp 192.0.2.1 8070 from=192.0.2.9
	withdraw web
	assert_clean
}

# bats test_tags=nftables
@test "a range has few elements, and single ports have no rules for ranges" {
	config '{"policy": {"max_ports": 65535}}'
	publish web 8080:80
	assert "$(ruleset host)" lacks _ranges
	publish rtp 10000-19999/udp,30000-39999:20001-30000/udp
	assert "$(elements)" -lt 700
	withdraw rtp
	withdraw web
	run_natmap reload
	assert "$(ruleset host)" lacks '@ranges'
	assert_clean
}

# bats test_tags=nftables
@test "a range that an older natmap has published port by port is withdrawn, shared and made anew by a reload" {
	local shift
	serve_all 8033
	for shift in 0 105; do
		older 8000 8040 "$shift" web
		withdraw web
		assert_clean
	done
	older 8000 8040 0 web peer
	withdraw web
	assert_reach '8033 192.0.2.2' ext tcp 192.0.2.1 8033
	mends missing-rule stale-rule
	assert_reach '8033 192.0.2.2' ext tcp 192.0.2.1 8033
	withdraw peer
	assert_clean
}

# bats test_tags=nftables
@test "a saved ruleset with ranges is loaded, and right but for what is shifted, which a reload mends" {
	serve_all 8070 9175
	publish web 8000-8127,9000-9127:9105-9232
	on host nft list ruleset >"$NM_TMP/saved"
	on host nft flush ruleset
	on host nft -f "$NM_TMP/saved"
	assert_reach '8070 fd00:99::2' ext tcp fd00:99::1 8070
	run_natmap rc=3 check
	assert "$(grep -v shifted_ranges <<<"$output")" = ""
	run_natmap reload
	agrees
	assert_reach '9175 fd00:99::2' ext tcp fd00:99::1 9070
}
