#!/usr/bin/env bats
# Proves the harness, without natmap: when one of these fails, look no further.
# shellcheck disable=SC2016,SC2154 # text for other shells; $stderr comes from run_natmap
# bats file_tags=once

load helpers/natmap
load helpers/runc
load helpers/syslog

@test "the nodes reach each other's servers by direct routes, over IPv4 and IPv6, tcp and udp" {
	serve ctr tcp 80 'web %p'
	serve ctr udp 53 'dns %p'
	assert_reach 'web 192.0.2.2' ext tcp 10.88.7.2 80
	assert_reach 'web 192.0.2.9' ext tcp 10.88.7.2 80 from=192.0.2.9
	assert_reach 'web fd00:99::2' ext tcp fd00:7::2 80
	assert_reach 'dns 192.0.2.2' ext udp 10.88.7.2 53 sport=4053
	assert_reach 'dns fd00:99::2' ext udp fd00:7::2 53
	assert_reach 'web 10.88.7.1' host tcp 10.88.7.2 80
	assert_reach 'web 10.88.7.3' ctr2 tcp 10.88.7.2 80
}

@test "a server on one address answers there and nowhere else" {
	serve host tcp 127.0.0.1:8080 local
	serve host tcp '[fd00:99::1]:8080' six
	assert_reach local host tcp 127.0.0.1 8080
	assert_reach six ext tcp fd00:99::1 8080
	assert_no_reach ext tcp 192.0.2.1 8080
	assert_no_reach ext udp 192.0.2.1 8080
}

@test "no answer is noticed when packets are dropped" {
	serve ctr tcp 80
	on host iptables -P FORWARD DROP
	assert_no_reach ext tcp 10.88.7.2 80
}

@test "a fresh host has no rules, and rules show up in both views" {
	local before
	assert "$(ruleset host)" = "" "ruleset"
	before=$(snapshot host)
	on host iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.2:80
	assert_rule host '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.7.2:80'
	refute same host "$before" "$(snapshot host)"
	on host iptables -t nat -D PREROUTING 1
	on host nft delete table ip nat
	same host "$before" "$(snapshot host)"
	on host bridge link set dev vctr hairpin on
	refute same host "$before" "$(snapshot host)"
}

@test "commands run at once, and one that fails is shown" {
	mark() {
		echo "mark $1"
		on host ip link add "mark$1" type bridge
	}
	at_once 20 mark
	assert "$(on host ip -br link show type bridge | wc -l)" -eq 21 "br0 and 20 more"
	on host ip link del mark7
	run at_once 8 mark
	assert "$status" -eq 1
	assert "$output" has '7 of 8 failed'
}

@test "a DNAT rule written by hand is reached, and flows through it stay open" {
	serve ctr udp 53 'dns %p'
	serve ctr tcp 80 'web %p'
	on host iptables -t nat -A PREROUTING -p udp --dport 5353 -j DNAT --to-destination 10.88.7.2:53
	on host iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.2:80
	flow_open names ext udp 192.0.2.3 5353 sport=4053
	flow_open pages ext tcp 192.0.2.1 8080
	assert "$(flow_ask names)" = 'dns 192.0.2.2'
	assert "$(flow_ask pages)" = 'web 192.0.2.2'
	# Without any rule that needs it, the kernel switches connection tracking off, and flows lose their translation.
	on host iptables -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
	on host iptables -t nat -F PREROUTING
	assert "$(flow_ask pages)" = 'web 192.0.2.2'
	assert "$(flows host -p udp)" has 'dport=5353'
	on host conntrack -D -p udp
	refute flow_ask -t 1 names
}

@test "a container's process lives in its namespace until it is stopped" {
	ctr_start web
	local pid
	pid=$(ctr_pid web)
	[[ /proc/$pid/ns/net -ef $(netns ctr) ]]
	ctr_stop web
	[[ ! -e /proc/$pid ]]
}

@test "the OCI state of a container is JSON whatever the annotations hold" {
	local text
	text=$(state 'we"b' 42 creating bundle=/b 'io.natmap.ports=8080:80' $'a\\b="c"\n\td')
	assert "$(jq -r .id <<<"$text")" = 'we"b'
	assert "$(jq -r .pid <<<"$text")" = 42
	assert "$(jq -r '.annotations["io.natmap.ports"]' <<<"$text")" = 8080:80
	assert "$(jq -r '.annotations["a\\b"]' <<<"$text")" = $'"c"\n\td'
	assert "$(state web - stopped | jq 'has("pid")')" = false
}

@test "runc runs a container in its namespace, and hooks on the host" {
	local NATMAP=$NM_TMP/hook
	printf '#!/bin/sh\ncat >>%s/seen; echo "$@" >>%s/seen; readlink /proc/self/ns/net >>%s/seen\n' "$NM_TMP"{,,} >"$NATMAP"
	chmod +x "$NATMAP"
	bundle_make web 'echo page >/tmp/index.html; exec httpd -f -p 80 -h /tmp' 8080:80
	ctr_run web
	wait_for on ext curl -sf http://10.88.7.2/index.html
	ctr_delete web
	local seen
	seen=$(<"$NM_TMP/seen")
	assert "$seen" has 'hook createRuntime'
	assert "$seen" has 'hook poststop'
	assert "$seen" has '"io.natmap.ports":"8080:80"'
	assert "$(grep -c "^$(on host readlink /proc/self/ns/net | sed 's/[][]/\\&/g')\$" "$NM_TMP/seen")" = 2 "hooks on the host"
}

@test "a message to syslog arrives in the test's own" {
	local NATMAP=$NM_TMP/fake
	printf '#!/bin/sh\necho "<30>natmap: $3 hello" | socat -u - UNIX-SENDTO:/dev/log\n' >"$NATMAP"
	chmod +x "$NATMAP"
	syslog_start
	run_natmap hook
	wait_for syslog_has 'natmap: --state-dir hello'
	run_natmap hook
	wait_for eval '[[ $(syslog_lines | wc -l) = 2 ]]'
}

@test "a natmap that hangs, fails in silence or says too much fails the test" {
	local NATMAP=$NM_TMP/fake
	printf '#!/bin/sh\nshift 4\neval "$1"\n' >"$NATMAP"
	chmod +x "$NATMAP"
	run_natmap rc=4 'echo natmap: the port is taken >&2; exit 4'
	assert "$status:$stderr" = '4:natmap: the port is taken'
	refute run_natmap 'exit 1'
	refute run_natmap rc=1 'exit 1'
	refute run_natmap rc=1 'printf "natmap: a\nnatmap: b\n" >&2; exit 1'
	refute run_natmap 'echo notice >&2'
	refute run_natmap rc=any timeout=0.2 'sleep 5'
	run_natmap rc=any 'echo x; exit 3'
	assert "$status:$output" = 3:x
}

@test "going down leaves no namespace and no process, and tells of a process that a test forgot" {
	local name=$NM_NS pid
	NM_NODES+=" beside"
	ip netns add "$NM_NS-beside"
	serve ctr tcp 80
	nsenter --net="$(netns ext)" sleep 60 3>&- &
	pid=$!
	wait_for spawn_has_entered "$pid" ext
	run net_down
	assert "$status" -eq 1
	assert "$output" has "left running: $pid sleep 60"
	refute ls "/run/netns/$name-host"
	refute ls "/run/netns/$name-beside"
	wait_for process_is_gone "$pid"
	refute pgrep -f "$name-"
	unset NM_NS
}
