#!/usr/bin/env bats
# Whose port is it: taken ports, one id twice, pods, containers that are gone.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap
load helpers/syslog

# conflict FIRST SECOND: the second mapping is refused while the first is published
conflict() {
	publish web "$1" || return 1
	undisturbed publish rc=4 other "$2" || return 1
	assert "$stderr" has "'web'" "the owner's name" || return 1
	withdraw web
}

# no_conflict FIRST SECOND: both are published
no_conflict() {
	publish web "$1" && publish other "$2" && withdraw web && withdraw other && assert_clean
}

@test "a taken port is refused with the owner's name, and the loser's end does not disturb the owner" {
	ctr_start other ctr2
	serve ctr tcp 80 web
	publish web 8080:80
	undisturbed publish rc=4 other 8080:80
	assert "$stderr" = "natmap: container 'other': port mapping '8080:80/tcp': the host port is taken by container 'web'"
	undisturbed withdraw other
	undisturbed publish rc=4 other 9000:80 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	withdraw web
	publish other 8080:80
	withdraw other
	assert_clean
}

# bats test_tags=once
@test "wildcards overlap every address of their families" {
	conflict 8080:80 192.0.2.1:8080:81
	conflict 192.0.2.1:8080:81 8080:80
	conflict 0.0.0.0:8080:80 192.0.2.3:8080:81
	conflict 127.0.0.1:8080:80 0.0.0.0:8080:81
	conflict '[::]:8080:80' '[fd00:99::1]:8080:81'
	conflict 8080:80 '[::]:8080:81'
	conflict 0.0.0.0:8080:80 8080:81
}

@test "specific addresses, families and protocols are independent" {
	no_conflict 192.0.2.1:8080:80 192.0.2.3:8080:81
	no_conflict 0.0.0.0:8080:80 '[::]:8080:81'
	no_conflict '[fd00:99::1]:8080:80' 192.0.2.1:8080:81
	no_conflict 8080:80/tcp 8080:80/udp
	no_conflict 8080:80/udp 8080:80/sctp
}

# bats test_tags=once
@test "ranges overlap where they share a port" {
	conflict 8000-8010:9000-9010 8010:80
	conflict 8005:80 8000-8010:9000-9010
	conflict 8000-8010:9000-9010 8010-8020:9010-9020
	no_conflict 8000-8010:9000-9010 8011-8020:9011-9020
	no_conflict 808:80 8080:80
}

@test "the hook that runs twice for one process changes nothing" {
	publish web 8080:80 53:53/udp
	undisturbed publish web 8080:80 53:53/udp
	undisturbed publish stage=poststart web 8080:80 53:53/udp
	withdraw web
	assert_clean
}

@test "the same id of the same bundle replaces, of another bundle only when the process is gone" {
	publish web 8080:80
	ctr_stop web
	ctr_start web ctr2
	publish web 9090:80 # gone
	assert_no_rule host 8080
	rm "$NM_TMP/ctr-web"
	publish web 9191:80 # same bundle, another process
	assert_no_rule host 9090
	ctr_start again
	undisturbed publish rc=4 web 9292:80 bundle=/other/web pid="$(ctr_pid again)"
	assert "$stderr" has "'/bundle/web'"
	assert "$stderr" has "'/other/web'"
	ctr_stop web
	publish web 9292:80 bundle=/other/web pid="$(ctr_pid again)"
	assert_no_rule host 9191
	assert "$(grep -c '"live":1' "$NM_TMP/state/state")" -eq 1 "live records"
	withdraw web bundle=/other/web
	assert_clean
}

# bats test_tags=once
@test "a withdraw with another absolute bundle does nothing" {
	publish web 8080:80
	undisturbed withdraw web bundle=/other/web
	undisturbed withdraw unknown
	withdraw web bundle=/
	assert_clean
	publish web 8080:80
	withdraw web bundle=relative/web
	assert_clean
	publish web 8080:80 bundle=/
	withdraw web bundle=/other/web
	assert_clean
}

@test "containers of a pod share a mapping, which goes with its last owner" {
	local first second
	serve ctr tcp 80 pod
	for first in one two; do
		second=$([[ $first = one ]] && echo two || echo one)
		publish one 8080:80
		publish two 8080:80
		assert_reach pod ext tcp 192.0.2.1 8080
		withdraw "$first"
		assert_reach pod ext tcp 192.0.2.1 8080
		assert_reach pod host tcp 127.0.0.1 8080
		withdraw "$second"
		assert_clean
	done
}

@test "what a pod does not share is refused: another target, or another network namespace" {
	publish one 8080:80
	undisturbed publish rc=4 two 8080:81
	undisturbed publish rc=4 two 8079-8080:79-80
	ctr_start three ctr2
	undisturbed publish rc=4 three 8080:80
	assert "$stderr" has "'one'"
}

@test "the port of a container that is gone is taken over with a notice" {
	syslog_start
	serve ctr2 tcp 80 new
	publish old 8080:80
	ctr_stop old
	ctr_start new ctr2
	publish new 8080:80
	wait_for syslog_has "container 'old' is gone"
	assert_reach new ext tcp 192.0.2.1 8080
	assert_no_rule host natmap:old:
	undisturbed withdraw old
	withdraw new
	assert_clean
}

@test "mappings of a gone container to the address of the new one are withdrawn with it" {
	publish old 8080:80
	publish other 7070:70
	ctr_stop old
	publish new 9090:90
	assert_no_rule host natmap:old:
	assert_no_rule host 8080
	assert_rule host natmap:other:7070
	run_natmap list --json
	assert "$(jq -r '.containers[].id' <<<"$output" | sort | xargs)" = 'new other'
}

# bats test_tags=once
@test "a process with another start time and a zombie are gone, a record without a pid never is" {
	local zombie=$NM_TMP/zombie
	ctr_start other ctr2
	publish web 8080:80
	sed -i 's/"start":[0-9]*/"start":1/' "$NM_TMP/state/state"
	publish other 8080:80 # the pid was given to somebody else
	withdraw other
	# shellcheck disable=SC2016 # for that shell
	spawn ctr sh -c 'sleep 600 & echo $! >"$1"; exec sleep 600' sh "$zombie"
	wait_for test -s "$zombie"
	publish dead 8080:80 pid="$(<"$zombie")"
	undisturbed publish rc=4 other 8080:80
	kill -KILL "$(<"$zombie")"
	wait_for grep -q '^State:.Z' "/proc/$(<"$zombie")/status"
	publish other 8080:80
	withdraw other
	publish nobody 8080:80
	sed -i 's/"pid":[0-9]*,"start":[0-9]*,//' "$NM_TMP/state/state"
	ctr_stop nobody
	undisturbed publish rc=4 other 8080:80
	withdraw nobody
	assert_clean
}

# given ID: the host ports in its record
given() {
	jq -r --arg id "$1" 'select(.live == 1 and .id == $id) | .ports[]' "$NM_TMP/state/state" | sed 's/:.*//' | sort | xargs
}

# bats test_tags=once
@test "host port 0 is a free port, which list shows and a repeat keeps" {
	local port
	config '{"dynamic_ports": "61000-61100"}'
	serve ctr tcp 80 web
	publish web 0:80
	port=$(given web)
	assert "$port" =~ '^61(0..|100)$'
	run_natmap list
	assert "$output" has "$port:80/tcp"
	assert_reach web ext tcp 192.0.2.1 "$port"
	undisturbed publish web 0:80
	publish web 0:80 0:81
	assert " $(given web) " has " $port " "the ports after a repeat with one more"
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "host port 0 passes over recorded ports and local listeners until the range is exhausted" {
	local id
	config '{"dynamic_ports": "61000-61003"}'
	serve host tcp 61001
	publish fixed 61002:80
	publish one 0:80 0:81
	assert "$(given one)" = '61000 61003'
	ctr_start two ctr2
	undisturbed publish rc=4 two 0:80
	assert "$stderr" has 61000-61003
	publish two 0:80/udp
	for id in fixed one two; do
		withdraw "$id"
	done
	assert_clean
}
