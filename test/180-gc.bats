#!/usr/bin/env bats
# natmap gc: what is published for containers that are gone is withdrawn, and nothing else.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	state=$NM_TMP/state/state
}

# gc [rc=N] [ARGUMENT...]
gc() {
	local options=()
	[[ "${1:-}" != rc=* ]] || { options=("$1") && shift; }
	run_natmap "${options[@]}" gc "$@"
}

# pidns VALUE: the state file is one of that PID namespace
pidns() {
	sed -i '1s/"pidns":"[^"]*"/"pidns":"'"$1"'"/' "$state"
}

# bats test_tags=once
@test "on an empty host there is nothing to do, and nothing is made" {
	gc
	assert "$output" = ""
	gc rc=1 --id web
	assert "$stderr" = "natmap: container 'web': nothing is published for it"
	refute test -e "$(state_dir)"
}

# bats test_tags=once
@test "in another time namespace live containers stay, and so do those that were published there" {
	[[ -e /proc/self/ns/time ]] || skip "no time namespaces"
	local elsewhere=(unshare -T --boottime 100000 --) NM_WRAP=()
	publish web 8080:80
	NM_WRAP=("${elsewhere[@]}")
	undisturbed gc
	ctr_start other ctr2
	publish other 9090:90
	publish other 9090:90 9091:91
	NM_WRAP=()
	undisturbed gc
	publish other 9090:90
	ctr_stop web
	# shellcheck disable=SC2034 # run_natmap uses it
	NM_WRAP=("${elsewhere[@]}")
	gc
	assert "$output" = web
	assert "$(live)" = other
}

# bats test_tags=once
@test "live containers stay, and nothing is printed" {
	publish web 8080:80
	publish other 8081:81
	undisturbed gc
	assert "$output" = ""
	assert "$(live)" = 'other web'
}

@test "those that are gone are withdrawn and printed, several at once, and the others keep their rules and traffic" {
	local before
	serve ctr tcp 80 web
	publish web 8080:80
	before=$(snapshot host)
	publish one 8081:80
	publish two 8082:82/udp 127.0.0.1:83:83
	publish three '[fd00:99::1]:8083:80'
	ctr_stop one
	ctr_stop two
	ctr_stop three
	gc
	assert "$(sort <<<"$output" | xargs)" = 'one three two'
	assert "$(live)" = web
	same "the host" "$before" "$(snapshot host)"
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ext tcp 192.0.2.1 8081
	undisturbed gc
	assert "$output" = ""
	withdraw web
	assert_clean
}

@test "settings go with the last container that is gone, and stay while another needs them" {
	publish web 8080:80
	publish other 8081:81
	ctr_stop web
	gc
	assert "$(on host cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1
	assert_rule host natmap:@localnet/br0
	ctr_stop other
	gc
	assert "$output" = other
	assert "$(on host cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 0
	assert "$(on host bridge -d link show dev vctr)" has 'hairpin off'
	assert_no_rule host natmap:@localnet
	assert_clean
}

@test "the flows of a container that is gone are forgotten, and its port is free for another" {
	serve ctr udp 53 one
	serve ctr2 udp 53 two
	publish one 5353:53/udp
	publish other 8080:80 # keeps connection tracking on
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask f)" = one
	ctr_stop one
	gc
	refute grep 'sport=7001' <(flows host)
	ctr_start two ctr2
	publish two 5353:53/udp
	assert "$(flow_ask f)" = two
}

# bats test_tags=once
@test "a zombie is gone, and so is a process whose number another has now" {
	local zombie=$NM_TMP/zombie
	# shellcheck disable=SC2016 # for that shell
	spawn ctr sh -c 'sleep 600 & echo $! >"$1"; exec sleep 600' sh "$zombie"
	wait_for test -s "$zombie"
	publish dead 8080:80 pid="$(<"$zombie")"
	undisturbed gc
	kill -KILL "$(<"$zombie")"
	wait_for grep -q '^State:.Z' "/proc/$(<"$zombie")/status"
	gc
	assert "$output" = dead
	publish web 8080:80
	publish reused 8081:81
	sed -i '/"live":1,.*"id":"reused"/s/"start":[0-9]*/"start":1/' "$state"
	gc
	assert "$output" = reused
	assert "$(live), $(tagged)" = 'web, web'
}

# bats test_tags=once
@test "a record without a process is withdrawn by --id only" {
	run_natmap add --address 10.88.7.2 web 8080:80
	publish other 8081:81
	undisturbed gc
	assert "$output" = ""
	gc --id web
	assert "$output" = ""
	assert "$(live), $(tagged)" = 'other, other'
}

@test "--id withdraws one that is gone, and no other that is gone, too" {
	publish web 8080:80
	publish web2 8081:81
	ctr_stop web
	ctr_stop web2
	gc --id web
	assert "$(live), $(tagged)" = 'web2, web2'
	gc
	assert "$output" = web2
	assert_clean
}

# bats test_tags=once
@test "--id of a container that runs, or of none, is refused" {
	publish web 8080:80
	undisturbed gc rc=1 --id web
	assert "$stderr" = "natmap: container 'web': it is running; natmap remove withdraws its ports"
	undisturbed gc rc=1 --id other
	assert "$stderr" = "natmap: container 'other': nothing is published for it"
	undisturbed gc rc=1 --id we
	withdraw web
	undisturbed gc rc=1 --id web
}

# bats test_tags=once
@test "in another PID namespace nobody is judged, and --id is believed" {
	local own
	publish web 8080:80
	publish gone 8081:81
	ctr_stop gone
	own=$(head -n 1 "$state" | jq -r .pidns)
	pidns 4:1
	undisturbed gc rc=1
	assert "$stderr" has 'another PID namespace'
	gc --id web
	assert "$(live), $(tagged)" = 'gone, gone'
	pidns "$own"
	gc
	assert "$output" = gone
	assert_clean
}

@test "a change of a live container that was cut short is completed, of one that is gone both records go" {
	publish web 8080:80
	publish web 8080:80 8081:81
	sed -i '2s/"live":0/"live":1/' "$state"
	assert "$(live)" = 'web web'
	gc
	assert "$output" = ""
	assert "$(live)" = web
	assert_rule host natmap:web:8081
	undisturbed gc
	sed -i '2s/"live":0/"live":1/' "$state"
	ctr_stop web
	gc
	assert "$output" = web
	assert_clean
}

@test "a container whose former process is gone and whose new one runs stays" {
	publish web 8080:80
	ctr_stop web
	publish web 8081:81
	sed -i '2s/"live":0/"live":1/' "$state" # killed before the old record was retired
	gc
	assert "$output" = ""
	assert "$(tagged), $(live)" = 'web, web'
}

@test "a port of a pod stays for the one that runs" {
	serve ctr tcp 80 pod
	publish one 8080:80
	publish two 8080:80
	ctr_stop one
	gc
	assert "$output" = one
	assert_reach pod ext tcp 192.0.2.1 8080
	assert_reach pod host tcp 127.0.0.1 8080
}

@test "neither the configuration nor static rules concern it" {
	config '{"static": {"dnat": [{"name": "x", "internal_address": "10.88.7.3", "ports": "25"}]}}'
	run_natmap reload
	publish web 8080:80
	ctr_stop web
	config '{'
	gc
	assert "$output" = web
	assert_rule host natmap:@dnat/x
}

# bats test_tags=once
@test "what is no container's id, and other arguments, are usage errors" {
	gc rc=2 web
	gc rc=2 --id
	gc rc=2 --id web more
	gc rc=2 --id @dnat/x
	gc rc=2 --id ''
	gc rc=2 --all
}
