#!/usr/bin/env bats
# reload while others rebuild their rules: it never fails, and never makes it worse.
# packages: docker.io firewalld
# shellcheck disable=SC2154 # $output comes from run_natmap

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

# docker_again: Docker 28 may find that firewalld 2.5 has no zone for it yet (INVALID_ZONE), and gives up
docker_again() {
	docker_start || docker_start
}

# restarts: Docker and firewalld end and start, again and again, until there is a file
restarts() {
	until [[ -e "$NM_TMP/calm" ]]; do
		docker_again && firewalld_start nftables && daemon_stop dockerd && daemon_stop firewalld || return 1
		firewalld_start iptables && docker_again && daemon_stop firewalld && daemon_stop dockerd || return 1
	done
}

# in_storm N: N reloads at random moments of these, while a connection goes through the port. Rules of another NAT keep the
# kernel translating between what firewalld flushes and what natmap restores.
in_storm() {
	local i restarts failed=""
	on host nft -f - <<<'table inet keep { chain nat { type nat hook prerouting priority 10; }; }'
	publish web 8080:80
	flow_open across ext tcp 192.0.2.1 8080
	assert "$(flow_ask across)" = natmap
	restarts >"$NM_TMP/restarts" 2>&1 3>&- &
	restarts=$!
	for ((i = 0; i < $1; i++)); do
		pause_for "0.$((RANDOM % 4))$((RANDOM % 10))"
		run_natmap rc=any timeout=30 reload
		[[ $status = 0 ]] || failed+="$stderr"$'\n'
	done
	: >"$NM_TMP/calm"
	wait "$restarts" || fail "$(<"$NM_TMP/restarts")"
	run_natmap reload
	assert "$failed" = "" "reloads that failed"
	judge "$1 reloads while Docker and firewalld restart"
	wait_for -t 15 flow_ask across
	withdraw web
	assert_clean
}

@test "20 reloads at random moments of restarts of Docker and firewalld" {
	in_storm 20
}

# bats test_tags=long
@test "100 reloads at random moments of restarts of Docker and firewalld" {
	in_storm 100
}
