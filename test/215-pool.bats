#!/usr/bin/env bats
# A range of host ports for one container port: the first that is free.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

# given ID: the ports in its record
given() {
	jq -r --arg id "$1" 'select(.live == 1 and .id == $id) | .ports[]' "$NM_TMP/state/state" | xargs
}

race() {
	publish "r$1" "8000-8003:$((90 + $1))"
}

@test "the first free port of a range leads to the one container port, is listed and kept, and is free again" {
	local theirs='table ip theirs { chain c { type nat hook prerouting priority -110; tcp dport { 8002, 8003 } dnat to 10.88.7.3:99; }; }'
	serve ctr tcp 80 web
	serve ctr2 tcp 80 other
	serve host tcp 8001
	on host nft "$theirs"
	publish fixed 8000:81
	run_natmap plan < <(state web "$(ctr_start web)" creating io.natmap.ports=8000-8005:80)
	assert "$output" has 'natmap:web:8000'
	publish web 8000-8005:80
	assert "$(given web)" = 8004:80/tcp
	run_natmap list web
	assert "$output" has '8004:80/tcp'
	assert_reach web ext tcp 192.0.2.1 8004
	publish web 8000-8005:80 # the hook that runs twice
	assert "$(given web)" = 8004:80/tcp
	ctr_start other ctr2
	publish other 8000-8005:80
	assert "$(given other)" = 8005:80/tcp
	assert_reach other ext tcp fd00:99::1 8005
	run_natmap rc=4 add other 8000-8005:81
	assert "$stderr" has '8000-8005'
	withdraw web
	withdraw web
	run_natmap add other 8000-8005:81
	assert "$(given other)" = '8005:80/tcp 8004:81/tcp'
	withdraw other
	withdraw fixed
	on host nft add rule ip theirs c tcp dport 9000-9031 dnat to 10.88.7.3:99
	publish rc=4 web 9000-9040:80 # after 32 choices
	assert "$stderr" has "container 'web': choosing one of the host ports 9000-9040: chain 'c' of"
	config '{"conflict_check": "off"}'
	publish web 9000-9040:80
	assert "$(given web)" = 9000:80/tcp
	withdraw web
	assert_clean
}

@test "several at once each get another port of the range; one more is refused" {
	at_once 4 race
	assert "$(jq -r 'select(.live == 1) | .ports[]' "$NM_TMP/state/state" | sort | cut -d: -f1 | xargs)" = '8000 8001 8002 8003'
	publish rc=4 r5 8000-8003:95
	assert "$stderr" has "container 'r5': choosing a host port for container port 95: none of 8000-8003 is free"
	publish r5 8000-8003:95/udp
}

# bats test_tags=once
@test "a container of the same pod shares the port, and one that comes back after a crash has it again" {
	publish first 8000-8003:81
	publish web 8000-8003:80
	publish sidecar 8000-8003:80
	assert "$(given web) $(given sidecar)" = '8001:80/tcp 8001:80/tcp'
	withdraw first
	withdraw sidecar
	ctr_stop web
	publish web 8000-8003:80
	assert "$(given web)" = 8001:80/tcp
	withdraw web
	config '{"policy": {"host_ports": "8002-8003"}}'
	publish web 8000-8003:80
	assert "$(given web)" = 8002:80/tcp
	config '{"policy": {"host_ports": "9000"}}'
	publish rc=5 other 8000-8003:80
	assert "$stderr" has "'8000-8003:80/tcp': refused by policy.host_ports"
	withdraw web
	assert_clean
}
