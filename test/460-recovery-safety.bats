#!/usr/bin/env bats
# What reload must not do: fail on a host where nothing is published, or take ports away that it knows nothing about.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
}

teardown() {
	net_down
}

@test "a reload sets up the chains on a host where nothing is published" {
	run_natmap reload
	assert_rule host '-A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP'
	run_natmap check
}

@test "check finds nothing where nothing is published any more, and in a family in which nothing is" {
	publish web 8080:80
	withdraw web
	run_natmap check
	publish web 0.0.0.0:8080:80
	run_natmap check
	run_natmap reload
	run_natmap check
}

@test "a reload that is refused for a missing state is refused again" {
	publish web 8080:80
	rm "$(state_dir)/state"
	run_natmap rc=1 reload
	run_natmap rc=1 reload
	run_natmap rc=1 flush
	assert_rule host natmap:web:8080
	run_natmap reload --force
	assert_no_rule host natmap:web:8080
}

# handles CHAIN TABLE: the rules of a chain with their handles
handles() {
	on host nft -a --stateless list chain ip "$2" "$1" 2>/dev/null
}

@test "rules of natmap's own before them do not move rules that are right" {
	local nat raw
	ctr_start other ctr2
	publish web 8080:80
	publish other 127.0.0.1:8081:80
	nat=$(handles POSTROUTING nat)
	raw=$(handles PREROUTING raw)
	publish web 8080:80
	same "POSTROUTING" "$nat" "$(handles POSTROUTING nat)"
	same "raw PREROUTING" "$raw" "$(handles PREROUTING raw)"
}

@test "list counts a static SNAT while a container's MASQUERADE stands before it" {
	config '{"static":{"snat":[{"name":"out","internal_address":"10.88.7.0/24","external_address":"192.0.2.3"}]}}'
	serve ext tcp 80 ext
	publish web 8080:80
	run_natmap reload
	assert_reach ext ctr tcp 192.0.2.2 80
	run_natmap list --json
	assert "$(jq '.static[0].packets' <<<"$output")" -eq 1
}

@test "the jump of DOCKER-USER stands before all of several bare RETURNs" {
	publish web 8080:80
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	on host iptables -A DOCKER-USER -j RETURN
	on host iptables -A DOCKER-USER -j RETURN
	run_natmap reload
	assert "$(on host iptables -S DOCKER-USER | sed -n 2,3p)" = '-A DOCKER-USER -s 192.0.2.9/32 -j DROP
-A DOCKER-USER -j NATMAP'
	run_natmap check
}
