#!/usr/bin/env bats
# Flows that existed before a port was published or withdrawn: the stale ones go, and no others.
# shellcheck disable=SC2154 # $spawned comes from spawn

load helpers/natmap

setup() {
	net_up
	# Keeps connection tracking on, and the host silent: an ICMP error would end a client's flow.
	on host iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	on host ip6tables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	on host iptables -A INPUT -p udp --dport 5353 -j DROP
	on host ip6tables -A INPUT -p udp --dport 5353 -j DROP
}

# innocents: the udp flows of the host but those from source port 7001, with their ids and without their timeouts
innocents() {
	{
		flows host -p udp -o id
		flows host -p udp -o id -f ipv6
	} | grep -v 'sport=7001 ' | sed -E 's/^([a-z]+ +[0-9]+) [0-9]+ /\1 /; s/ \[(ASSURED|UNREPLIED)\]//g; s/ use=[0-9]+//' | sort
}

# stale_entry ADDRESS: a flow of source port 7001 to ADDRESS that was not translated is known
stale_entry() {
	flows host "${@:2}" | grep -q "dst=$1 sport=7001 dport=5353 .*src=$1 "
}

@test "a udp flow from before the publish is redirected to the container" {
	serve ctr udp 53 dns
	flow_open old ext udp 192.0.2.1 5353 sport=7001
	on host iptables -D INPUT -p udp --dport 5353 -j DROP # a dropped packet makes no entry
	on host iptables -A OUTPUT -p icmp -j DROP
	refute flow_ask -t 1 old
	stale_entry 192.0.2.1
	publish dns 192.0.2.1:5353:53/udp
	assert "$(flow_ask old)" = dns
}

@test "a flow that another program on the host answered until then is redirected, too" {
	config '{"listener_check": "off"}'
	on host iptables -F INPUT
	on host iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	serve host udp 192.0.2.1:5353 own
	serve ctr udp 53 dns
	flow_open old ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask old)" = own
	stale_entry 192.0.2.1
	publish dns 5353:53/udp
	refute stale_entry 192.0.2.1
	assert "$(flow_ask old)" = dns
}

@test "the same over IPv6" {
	config '{"listener_check": "off"}'
	on host ip6tables -F INPUT
	on host ip6tables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	serve host udp '[fd00:99::1]:5353' own
	serve ctr udp 53 dns
	flow_open old ext udp fd00:99::1 5353 sport=7001
	assert "$(flow_ask old)" = own
	stale_entry fd00:99::1 -f ipv6
	publish dns 5353:53/udp
	refute stale_entry fd00:99::1 -f ipv6
	assert "$(flow_ask old)" = dns
}

@test "after the withdraw a udp flow does not continue, and the next container gets it at once" {
	serve ctr udp 53 one
	serve ctr2 udp 53 two
	publish one 5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	flow_open six ext udp fd00:99::1 5353 sport=7001
	assert "$(flow_ask f)" = one
	assert "$(flow_ask six)" = one
	withdraw one
	refute flow_ask -t 1 f
	refute flow_ask -t 1 six
	ctr_start two ctr2
	publish two 5353:53/udp
	assert "$(flow_ask f)" = two
	assert "$(flow_ask six)" = two
}

@test "a tcp connection does not outlive the mapping" {
	serve ctr tcp 80 web
	publish web 8080:80
	flow_open f ext tcp 192.0.2.1 8080 sport=7001
	wait_for is_connected
	withdraw web
	refute grep 'sport=7001' <(flows host -p tcp)
	refute flow_ask -t 1 f
}

is_connected() { # is_connected [SOURCE_PORT PORT]
	{ flows host -p tcp && flows host -p tcp -f ipv6; } | grep -q "sport=${1:-7001} dport=${2:-8080} .*ASSURED"
}

@test "a replacement by the same id at another address takes the flow along" {
	serve ctr udp 53 one
	serve ctr2 udp 53 two
	publish dns 5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask f)" = one
	ctr_stop dns
	ctr_start dns ctr2
	publish dns 5353:53/udp
	assert "$(flow_ask f)" = two
}

@test "a takeover from a container that is gone without withdraw takes the flow along" {
	serve ctr udp 53 one
	serve ctr2 udp 53 two
	publish one 5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask f)" = one
	ctr_stop one
	ctr_start two ctr2
	publish two 5353:53/udp
	assert "$(flow_ask f)" = two
}

@test "a flow through a range is forgotten with it" {
	serve ctr udp 60 last
	publish one 5350-5360:50-60/udp
	flow_open f ext udp 192.0.2.1 5360 sport=7001
	assert "$(flow_ask f)" = last
	withdraw one
	refute grep 'sport=7001' <(flows host)
}

@test "tcp connections through many ports are forgotten with them, behind the hook where the container is gone" {
	local ports sport=7010
	serve ctr tcp 80 web
	for ports in 8080-8090:75-85 "$(seq -s, -f %.0f:80 8080 8095)"; do
		for stop in : ctr_stop; do
			publish web "$ports"
			flow_open f$((++sport)) ext tcp 192.0.2.1 8085 sport=$sport
			wait_for is_connected $sport 8085
			$stop web
			withdraw web
			[[ $stop = ctr_stop ]] || refute is_connected $sport 8085
			wait_for refute is_connected $sport 8085
		done
	done
}

@test "tcp connections to a container that is gone go, from wherever they came" {
	local from address sport=7020 n=0
	serve ctr tcp 80 web
	for from in ext host ctr ctr2; do
		for address in 192.0.2.1 fd00:99::1; do
			publish web 8080:80
			flow_open $((++n)) $from tcp $address 8080 sport=$((++sport))
			wait_for is_connected $sport 8080
			ctr_stop web
			withdraw web
			wait_for refute is_connected $sport 8080
		done
	done
}

# bats test_tags=nftables
@test "with nftables, no connection is looked for where no packet has come, and the container has ended" {
	local NM_WRAP=(strace -qq -f -e trace=sendto -o "$NM_TMP/trace")
	strace -o /dev/null true || skip "strace does not work here"
	serve ctr tcp 80 web
	publish web 8080:80
	ctr_stop web
	withdraw web
	grep -q SUBSYS_NFTABLES "$NM_TMP/trace"
	refute grep CTNETLINK "$NM_TMP/trace"
	publish web 8080:80
	flow_open f ext tcp 192.0.2.1 8080 sport=7001
	wait_for is_connected
	ctr_stop web
	withdraw web
	grep -q CTNETLINK "$NM_TMP/trace"
	# a container that lives may have been connected to since
	publish web 8081:80
	withdraw web
	grep -q CTNETLINK "$NM_TMP/trace"
}

# ends SPORT: the container ends and is withdrawn, and its connection from SPORT goes
ends() {
	ctr_stop web
	withdraw web
	wait_for refute is_connected "$1"
}

@test "connections that rules have not counted, since they were made anew, go with the container" {
	serve ctr tcp 80 web
	publish web 8080:80
	flow_open a ext tcp fd00:99::1 8080 sport=7001
	wait_for is_connected 7001
	flush_by_others
	run_natmap reload
	ends 7001
	publish web 8080:80
	flow_open b ext tcp fd00:99::1 8080 sport=7002
	wait_for is_connected 7002
	flush_by_others
	publish web 8080:80,8081:80
	ends 7002
	# by the other backend
	publish web 8080:80
	flow_open c ext tcp fd00:99::1 8080 sport=7003
	wait_for is_connected 7003
	config "{\"backend\": \"$([[ "$NM_BACKEND" = iptables ]] && echo nftables || echo iptables)\"}"
	publish web 8080:80,8081:80
	ends 7003
}

flush_by_others() {
	on host nft flush ruleset
}

@test "a connection of a pod goes with the last of its containers, whoever's rule has counted it" {
	serve ctr tcp 80 web
	publish one 8080:80
	publish two 8080:80
	flow_open f ext tcp fd00:99::1 8080 sport=7001
	wait_for is_connected
	ctr_stop one
	withdraw one
	is_connected 7001
	ctr_stop two
	withdraw two
	wait_for refute is_connected
}

@test "innocent flows stay: other ports of the pod, transit on the port number, other containers, direct ones" {
	local before
	serve ctr udp 53 dns
	serve ctr udp 54 pod
	serve ctr2 udp 5353 transit
	serve ext udp 5353 outside
	serve ctr2 udp 53 other
	ctr_start other ctr2
	publish pod 5354:54/udp
	publish other 192.0.2.3:5353:53/udp
	flow_open pod ext udp 192.0.2.1 5354
	flow_open transit ext udp 10.88.7.3 5353
	flow_open transit6 ext udp fd00:7::3 5353
	flow_open out ctr udp 192.0.2.2 5353
	flow_open own host udp 192.0.2.2 5353
	flow_open other ext udp 192.0.2.3 5353
	flow_open direct ext udp 10.88.7.2 53
	innocent_answers
	before=$(innocents)
	publish dns 192.0.2.1:5353:53/udp
	same "flows at publish" "$before" "$(innocents)"
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	assert "$(flow_ask f)" = dns
	withdraw dns
	refute grep 'sport=7001' <(flows host)
	same "flows at withdraw" "$before" "$(innocents)"
	innocent_answers
}

innocent_answers() {
	local name answer
	for name in pod:pod transit:transit transit6:transit out:outside own:outside other:other direct:dns; do
		answer=$(flow_ask "${name%:*}") || fail "no answer: flow ${name%:*}" || return 1
		assert "$answer" = "${name#*:}" "flow ${name%:*}" || return 1
	done
}

@test "a wildcard's flows are forgotten at publish on the host's addresses only" {
	local before
	serve ctr udp 53 dns
	serve ctr2 udp 5353 transit
	serve ext udp 5353 outside
	flow_open transit ext udp 10.88.7.3 5353
	flow_open out ctr udp 192.0.2.2 5353
	assert "$(flow_ask transit)" = transit
	assert "$(flow_ask out)" = outside
	before=$(innocents)
	publish dns 5353:53/udp
	same "flows at publish" "$before" "$(innocents)"
	withdraw dns
	same "flows at withdraw" "$before" "$(innocents)"
}

# gone NAME RULESET: connection NAME is opened, nft loads RULESET, the client sends, and natmap reloads. Prints "reset", or the
# answer to a further question.
gone() {
	local out="$NM_TMP/flow.$1.out" had=0
	flow_open "$1" ext tcp 192.0.2.1 8080
	assert "$(flow_ask "$1")" = web
	on host nft "$2"
	flow_lines had "$out"
	echo ask 1<>"$NM_TMP/flow.$1.in"
	# shellcheck disable=SC2154 # flow_open sets it
	wait_for flow_is_settled "$spawned" "$out" "$had"
	run_natmap reload >/dev/null
	if process_is_gone "$spawned"; then
		echo reset
	else
		flow_ask "$1"
	fi
}

flow_is_settled() { # PID OUT LINES
	process_is_gone "$1" || flow_has_grown "$2" "$3"
}

# The README and natmap(8) say so.
@test "a packet that comes while natmap's tables are gone resets its connection, unless something else translates" {
	local firewall='table inet own { chain input { type filter hook input priority 0; policy drop; ct state established accept; }; };'
	local nat='table ip other { chain post { type nat hook postrouting priority 100; oifname "br0" masquerade; }; };'
	serve ctr tcp 80 web
	publish web 8080:80
	assert "$(gone flushed 'flush ruleset')" = reset
	assert "$(gone firewall "flush ruleset; $firewall")" = reset "which accepts what is established"
	assert "$(gone others "flush ruleset; $nat")" = web
	assert "$(gone own "table inet own; delete table inet own; ${firewall/drop/accept}")" = web
}

# registers NAME ADDRESS [FLOW-OPTION...]: a SIP client that sends first from its published port, through the
# host's MASQUERADE; the registrar answers
registers() {
	flow_open "$1" ctr udp "$2" 5060 sport=5060
	assert "$(flow_ask "$1")" = registrar
	flows host -p udp "${@:3}" | grep -q 'sport=5060 dport=5060 .*sport=5060 dport=5060 ' || fail "not masqueraded: $*"
}

# others: the udp flows of the host but those from and to port 5060, with their ids
others() {
	innocents | grep -v 'sport=5060 '
}

@test "a flow that a container began from its published udp port does not lead its peer to the dead address" {
	local spec before registrar
	on host iptables -t nat -A POSTROUTING -o up0 -j MASQUERADE
	on host ip6tables -t nat -A POSTROUTING -o up0 -j MASQUERADE
	serve ext udp 5353 outside
	serve ctr2 udp 5060 two
	flow_open out ctr udp 192.0.2.2 5353 sport=5061   # masqueraded, to another port of the host's
	flow_open out6 ctr udp fd00:99::2 5353 sport=5061
	flow_open other ctr2 udp 192.0.2.2 5353           # of another container
	flow_open direct ctr udp 192.0.2.1 5353 sport=5062 # to the host
	assert "$(flow_ask out)$(flow_ask out6)$(flow_ask other)" = outsideoutsideoutside
	for spec in 5060:5060/udp '192.0.2.1:5060:5060/udp,[fd00:99::1]:5060:5060/udp'; do
		serve ext udp 5060 registrar
		registrar=$spawned
		ctr_start one
		publish one "$spec"
		registers four 192.0.2.2
		kill_group "$spawned"
		registers six fd00:99::2 -f ipv6
		kill_group "$spawned"
		before=$(others)
		run_natmap remove one "${spec%%,*}" # it lives, and so does its flow
		flows host -p udp | grep -q 'sport=5060 dport=5060 '
		publish one "$spec"
		ctr_stop one
		withdraw one
		same "other flows" "$before" "$(others)"
		ctr_start two ctr2
		publish two "$spec"
		kill_group "$registrar"
		flow_open peer ext udp 192.0.2.1 5060 sport=5060
		assert "$(flow_ask peer)" = two
		kill_group "$spawned"
		flow_open peer6 ext udp fd00:99::1 5060 sport=5060
		assert "$(flow_ask peer6)" = two
		kill_group "$spawned"
		ctr_stop two
		withdraw two
		rm "$NM_TMP"/flow.{four,six,peer,peer6}.*
	done
}

@test "udp flows are gone when the hook says so, whatever happens to what it leaves behind" {
	# shellcheck disable=SC2016 # perl's variables
	local killed=(perl -e 'my $pid = fork; if (!$pid) { setpgrp; exec @ARGV } waitpid $pid, 0; my $rc = $? >> 8; kill KILL => -$pid; exit $rc')
	local NM_WRAP=()
	serve ctr udp 53 one
	publish one 5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	flow_open six ext udp fd00:99::1 5353 sport=7001
	assert "$(flow_ask f)$(flow_ask six)" = oneone
	ctr_stop one
	# shellcheck disable=SC2034 # run_natmap uses it
	NM_WRAP=("${killed[@]}")
	withdraw one
	refute grep 'sport=7001' <(flows host && flows host -f ipv6)
}
