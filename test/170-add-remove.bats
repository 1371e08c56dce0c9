#!/usr/bin/env bats
# natmap add and natmap remove: ports of running containers that come and go by command.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	state=$NM_TMP/state/state
}

# add, remove [rc=N] ARGUMENT...
add() {
	local options=()
	[[ "$1" != rc=* ]] || { options=("$1") && shift; }
	run_natmap "${options[@]}" add "$@"
}

remove() {
	local options=()
	[[ "$1" != rc=* ]] || { options=("$1") && shift; }
	run_natmap "${options[@]}" remove "$@"
}

# ports ID: what is recorded for it
ports() {
	sed -n '/^{"live":1,.*"id":"'"$1"'",/{s/.*"ports":\["\(.*\)"\].*/\1/; s/","/ /g; p}' "$state"
}

# handles ID:PORT: the rules of that mapping with handles and counters
handles() {
	numbered | grep -F "\"natmap:$1\""
	in_nftables || on host iptables-save -c | grep -F "\"natmap:$1\""
}

localnet() {
	on host cat /proc/sys/net/ipv4/conf/br0/route_localnet
}

hairpin() {
	on host bridge -d link show dev vctr | grep -o 'hairpin [a-z]*'
}

@test "ports are added to a container that the hook has published, and end with it" {
	serve ctr tcp 80 web
	serve ctr tcp 81 more
	serve ctr udp 53 dns
	publish web 8080:80
	add web 8081:81 5353:53/udp
	assert "$(ports web)" = '8080:80/tcp 8081:81/tcp 5353:53/udp'
	assert "$(grep -c '"live":1' "$state")" -eq 1
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach more ext tcp 192.0.2.1 8081
	assert_reach more host tcp 127.0.0.1 8081
	assert_reach more ext tcp fd00:99::1 8081
	assert_reach dns ext udp 192.0.2.1 5353
	withdraw web
	assert_no_reach ext tcp 192.0.2.1 8081
	assert_clean
}

@test "a container that started without annotation is published by its process" {
	serve ctr tcp 80 web
	publish web
	refute test -e "$state"
	undisturbed add rc=1 web 8080:80
	assert "$stderr" = "natmap: container 'web': nothing is published for it yet: give --pid, or --address"
	add --pid "$(ctr_pid web)" web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ctr tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
	add web 8081:80
	assert_reach web ext tcp 192.0.2.1 8081
	assert "$(jq -c 'select(.live == 1) | [.pid, .addresses]' "$state")" = "[$(ctr_pid web),[\"10.88.7.2/24\",\"fd00:7::2/64\"]]"
	withdraw web
	assert_clean
}

@test "a container is published by its address, which may be behind a router" {
	on ctr ip addr add 10.99.0.5/32 dev lo
	on host ip route add 10.99.0.0/16 via 10.88.7.2
	serve ctr tcp 80 routed
	add --address 10.99.0.5 remote 8080:80
	assert_reach routed ext tcp 192.0.2.1 8080
	add remote 8081:80
	assert_reach routed ext tcp 192.0.2.1 8081
	assert "$(jq -c 'select(.live == 1) | [.pid, .addresses, .ports]' "$state")" = \
		'[null,["10.99.0.5/32"],["8080:80/tcp","8081:80/tcp"]]'
	run_natmap gc
	assert "$output" = "" "it cannot be judged"
	remove remote
	assert_clean
	add --address 10.88.7.2,fd00:7::2 both 8080:80
	assert_reach routed ext tcp fd00:99::1 8080
	assert_reach routed ext tcp 192.0.2.1 8080
	withdraw both
	assert_clean
}

# bats test_tags=once
@test "addresses that no container has are refused" {
	local address
	undisturbed add rc=5 --address 192.0.2.3 x 8080:80
	assert "$stderr" has "the host's own"
	undisturbed add rc=5 --address 10.88.7.1 x 8080:80
	assert "$stderr" has "the host's own"
	undisturbed add rc=5 --address 127.0.0.1 x 8080:80
	assert "$stderr" has loopback
	undisturbed add rc=5 --address ::1 x 8080:80
	assert "$stderr" has loopback
	undisturbed add rc=5 --address 169.254.1.1 x 8080:80
	assert "$stderr" has link-local
	undisturbed add rc=5 --address fe80::2 x 8080:80
	assert "$stderr" has link-local
	for address in 10.88.7.255 224.0.0.1 0.0.0.0 10.88.7.2/8 10.88.7.2,10.88.7.3 10.88.7 ''; do
		undisturbed add rc=5 --address "$address" x 8080:80
	done
	undisturbed add rc=1 --address 198.51.100.1 x 8080:80
	assert "$stderr" = "natmap: container 'x': container address '198.51.100.1/32': the host has no route to it"
	undisturbed add rc=5 --address 10.88.7.2 x '[::]:8080:80'
	assert "$stderr" has 'no IPv6 address'
}

# bats test_tags=once
@test "ports are arguments, comma lists or both, in every form of the annotation" {
	publish web 8000:80
	add web 8080 8081:81,8082-8083:82-83/udp '192.0.2.1:84:84 , [fd00:99::1]:85:85' 86:86/SCTP
	assert "$(ports web)" = '8000:80/tcp 8080:8080/tcp 8081:81/tcp 8082-8083:82-83/udp 192.0.2.1:84:84/tcp [fd00:99::1]:85:85/tcp 86:86/sctp'
	remove web 8081:81,86:86/sctp 8080
	assert "$(ports web)" = '8000:80/tcp 8082-8083:82-83/udp 192.0.2.1:84:84/tcp [fd00:99::1]:85:85/tcp'
}

# bats test_tags=once
@test "port 0 is a free one, that list shows and remove takes" {
	local port
	config '{"dynamic_ports": "61000-61001"}'
	serve ctr tcp 80 web
	publish web 8080:80
	add web 0:80
	port=$(ports web | grep -o '61...')
	assert_reach web ext tcp 192.0.2.1 "$port"
	add web 0:81
	assert "$(ports web | wc -w)" -eq 3
	undisturbed add rc=4 web 0:82
	assert "$stderr" has 61000-61001
	undisturbed remove rc=1 web 0:80
	remove web "$port:80"
	assert "$(ports web)" lacks "$port"
}

@test "what is published already is no error, down to the state file" {
	publish web 8080:80 '[fd00:99::1]:81:81'
	undisturbed add web 8080:80
	undisturbed add web '[fd00:99::1]:81:81' 8080:80/tcp
	add web 8080:80 8082:82
	undisturbed add web 8082:82 8080:80
	undisturbed add --pid "$(ctr_pid web)" web 8080:80
	assert "$(ports web)" = '8080:80/tcp [fd00:99::1]:81:81/tcp 8082:82/tcp'
}

# bats test_tags=once
@test "a port that somebody has is refused, and nothing of the request is done" {
	config '{"static": {"dnat": [{"name": "mail", "internal_address": "10.88.7.3", "ports": "25"}]}}'
	ctr_start other ctr2
	publish other 7070:70
	publish web 8080:80 5353:53/udp
	serve host tcp 9090
	undisturbed add rc=4 web 8081:81 7070:80
	assert "$stderr" has "'other'"
	undisturbed add rc=4 web 8081:81 8080:81
	assert "$stderr" has "its own '8080:80/tcp'"
	undisturbed add rc=4 web 192.0.2.1:8080:80
	undisturbed add rc=4 web 8079-8081:79-81
	undisturbed add rc=4 web 8081:81 25:25
	assert "$stderr" has "static dnat rule 'mail'"
	undisturbed add rc=4 web 8081:81 9090:90
	assert "$stderr" has 'port 9090'
	undisturbed add rc=5 web 8081:81 8081:82
	add web 8080:80/udp 25:25/udp
}

# bats test_tags=once
@test "a listener that came later on a port of the container's is nothing to add and remove" {
	publish web 8080:80
	serve host tcp 8080
	add web 8081:81
	undisturbed add web 8080:80
	remove web 8081:81
	assert "$(ports web)" = 8080:80/tcp
}

# bats test_tags=once
@test "the policy holds for what is added, together with what is there" {
	publish web 8080-8088:80-88
	config '{"policy": {"host_ports": "1024-65535", "host_addresses": ["0.0.0.0/0", "::/0"], "max_ports": 10}}'
	undisturbed add rc=5 web 80:80
	assert "$stderr" has policy.host_ports
	undisturbed add rc=5 web 9090:90 9091:91
	assert "$stderr" has policy.max_ports
	config '{"localhost": false}'
	undisturbed add rc=5 web 127.0.0.1:9090:90
	assert "$stderr" has localhost
	config '{"policy": {"max_ports": 10}}'
	add web 9090:90
	undisturbed add rc=5 web 9091:91
}

# bats test_tags=once
@test "a mapping of a family that the container lacks is refused" {
	on ctr ip -6 addr flush dev eth0 scope global
	publish web 8080:80
	undisturbed add rc=5 web '[fd00:99::1]:8081:80'
	assert "$stderr" has 'the container has no IPv6 address'
	add web 8081:80
}

@test "an IPv6 port is added to a container that is published on IPv4 only, and the other way round" {
	serve ctr tcp 80 web
	publish web 0.0.0.0:8080:80
	add web '[::]:8080:80'
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ext tcp fd00:99::1 8080
	remove web 0.0.0.0:8080:80
	assert_reach web ext tcp fd00:99::1 8080
	assert_no_reach ext tcp 192.0.2.1 8080
	assert "$(jq -c 'select(.live == 1) | .addresses' "$state")" = '["fd00:7::2/64"]'
	assert_no_rule host 10.88.7.2
	add web 0.0.0.0:8081:80
	assert_reach web host tcp 127.0.0.1 8081
	withdraw web
	assert_clean
}

@test "what is added has the sources that the container's annotation allows" {
	serve ctr tcp 80 web
	publish web 8080:80 allow=192.0.2.9
	add web 8081:80
	assert_reach web ext tcp 192.0.2.1 8081 from=192.0.2.9
	assert_no_reach ext tcp 192.0.2.1 8081 from=192.0.2.2
	assert_no_reach ext tcp fd00:99::1 8081
}

@test "remove takes some ports, or all by name, or all" {
	local before
	publish first 8079:80
	before=$(snapshot host)
	publish web 8080:80 8081:81 8082:82
	remove web 8081:81
	assert "$(ports web)" = '8080:80/tcp 8082:82/tcp'
	assert_no_rule host 8081
	assert_rule host natmap:web:8080
	remove web 8082:82 8080:80
	same "the host" "$before" "$(snapshot host)"
	assert "$(ports web)" = ""
	publish web 8080:80 8081:81
	remove web
	same "the host" "$before" "$(snapshot host)"
	undisturbed withdraw web
	publish web 8080:80
	withdraw web
	withdraw first
	assert_clean
}

@test "what the configuration no longer wants goes with the next change of the container" {
	local change
	serve ctr tcp 80 web
	ctr_start other ctr2
	publish other 9090:90 # keeps route_localnet on
	for change in 'add web 8082:82' 'remove web 8081:81' 'publish web 8080:80'; do
		config '{}'
		publish web 8080:80 8081:81
		assert_reach web host tcp 127.0.0.1 8080
		config '{"localhost": false, "hairpin": false}'
		$change
		assert_no_reach host tcp 127.0.0.1 8080
		assert_reach web ext tcp 192.0.2.1 8080
		assert "$(localnet), $(hairpin)" = '1, hairpin off' "after $change"
	done
	withdraw web
	withdraw other
	assert_clean
}

@test "remove takes ports of a container whose network is gone" {
	publish web 8080:80 8081:81 8082:82
	on host ip link del vctr
	remove web 8082:82
	on host ip link del br0
	remove web 8081:81
	assert "$(ports web)" = '8080:80/tcp'
	assert_no_rule host natmap:web:8081
	remove web 8080:80
	assert_no_rule host natmap:web
	assert_no_rule host natmap:@localnet
}

# bats test_tags=once
@test "removing what is not published is an error, and the rest of the request is not done either" {
	publish web 8080:80 8081:81
	undisturbed remove rc=1 web 8081:81 9090:90
	assert "$stderr" = "natmap: container 'web': port mapping '9090:90/tcp': it is not published"
	undisturbed remove rc=1 web 8081:82
	undisturbed remove rc=1 web 8081:81/udp
	undisturbed remove rc=1 web 192.0.2.1:8080:80
	undisturbed remove rc=1 web 8080-8081:80-81
	undisturbed remove rc=1 other
	assert "$stderr" = "natmap: container 'other': nothing is published for it"
	undisturbed remove rc=1 we 8080:80
	undisturbed remove rc=5 web 8081:
}

# bats test_tags=once
@test "removing from an empty host is an error that creates nothing" {
	remove rc=1 web
	remove rc=1 web 8080:80
	refute test -e "$(state_dir)"
}

@test "remove works on a container that is gone, and all of it with a configuration that is broken" {
	publish web 8080:80 8081:81
	ctr_stop web
	remove web 8080:80
	assert "$(ports web)" = 8081:81/tcp
	config '{'
	undisturbed remove rc=2 web 8081:81
	remove web
	config '{}'
	assert_clean
}

@test "remove works although what stays is in the way of a new static rule" {
	publish web 8080:80 8081:81
	config '{"static": {"dnat": [{"name": "x", "internal_address": "10.88.7.3", "ports": "8080"}]}}'
	remove web 8081:81
	assert "$(ports web)" = 8080:80/tcp
	assert_no_rule host natmap:web:8081
	remove web 8080:80
	run_natmap reload
}

@test "route_localnet and hairpin mode come with the first mapping that needs them and go with the last" {
	publish web 192.0.2.1:8080:80
	assert "$(localnet), $(hairpin)" = '0, hairpin on'
	add web 8081:81
	assert "$(localnet), $(hairpin)" = '1, hairpin on'
	assert_rule host natmap:@localnet/br0
	add web 127.0.0.1:8082:82
	remove web 8081:81
	assert "$(localnet), $(hairpin)" = '1, hairpin on'
	assert_rule host natmap:@localnet/br0
	remove web 127.0.0.1:8082:82
	assert "$(localnet), $(hairpin)" = '0, hairpin on'
	assert_no_rule host natmap:@localnet
	remove web 192.0.2.1:8080:80
	assert "$(localnet), $(hairpin)" = '0, hairpin off'
	assert_clean
}

@test "settings that another container needs stay when a port is removed" {
	publish web 8080:80
	publish other 192.0.2.1:9090:90
	add other 8081:81
	remove other 8081:81
	assert "$(localnet), $(hairpin)" = '1, hairpin on'
	remove web 8080:80
	assert "$(localnet), $(hairpin)" = '0, hairpin on'
	remove other
	assert "$(localnet), $(hairpin)" = '0, hairpin off'
}

@test "the id of a container that is gone is taken by another process, of one that runs it is not" {
	publish web 8080:80
	ctr_start other ctr2
	undisturbed add rc=4 --pid "$(ctr_pid other)" web 8081:81
	assert "$stderr" has "the id is in use by a running container"
	undisturbed add rc=4 --address 10.88.7.3 web 8081:81
	ctr_stop web
	undisturbed add rc=1 web 8081:81
	assert "$stderr" has 'is gone'
	add --pid "$(ctr_pid other)" web 8081:81
	assert "$(ports web)" = 8081:81/tcp
	assert_no_rule host natmap:web:8080
	assert_rule host "$(leads_to 10.88.7.3 81)"
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "a container whose process is gone cannot be added to" {
	undisturbed add rc=1 --pid 999999999 web 8080:80
	assert "$stderr" has 'process 999999999 is gone'
}

@test "the rules of the other ports keep handles and counters" {
	local before
	serve ctr tcp 80 web
	publish web 8080:80 8081:81
	assert_reach web ext tcp 192.0.2.1 8080
	before=$(handles web:8080)
	assert "$before" has 'packets 1 '
	add web 8082:82
	same "rules, by add" "$before" "$(handles web:8080)"
	remove web 8081:81
	same "rules, by remove" "$before" "$(handles web:8080)"
	run_natmap list --json
	assert "$(packets_after '"mappings":[')" -eq 1
}

# entries: the flows through ports 8080 and 5353 with their conntrack ids, without what changes with each packet
entries() {
	{
		flows host -o id --dst-nat
		flows host -o id --dst-nat -f ipv6
	} | grep -E 'dport=(8080|5353) ' | sed -E 's/^([a-z]+ +[0-9]+) [0-9]+ /\1 /; s/ \[ASSURED\]//; s/ use=[0-9]+//' | sort -u
}

# everyone_answers: each flow is the one that was opened
everyone_answers() {
	wait_for flow_ask tcp && assert "$(flow_ask tcp)" = web || return 1
	wait_for flow_ask udp && assert "$(flow_ask udp)" = dns || return 1
	wait_for flow_ask six && assert "$(flow_ask six)" = web
}

@test "open connections through the other ports go on, and those through a removed one end" {
	local before
	on host iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT # keeps connection tracking on
	on host ip6tables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	serve ctr tcp 80 web
	serve ctr tcp 81 more
	serve ctr udp 53 dns
	publish web 8080:80 5353:53/udp 8081:81
	flow_open tcp ext tcp 192.0.2.1 8080
	flow_open udp ext udp 192.0.2.1 5353
	flow_open six ext tcp fd00:99::1 8080
	flow_open gone ext tcp 192.0.2.1 8081
	everyone_answers
	wait_for flow_ask gone
	before=$(entries)
	assert "$(wc -l <<<"$before")" -eq 3
	add web 8082:82 5354:54/udp
	same "flows, by add" "$before" "$(entries)"
	assert "$(flow_ask gone)" = more
	remove web 8081:81
	same "flows, by remove" "$before" "$(entries)"
	refute flow_ask -t 1 gone
	everyone_answers
}

# udp_entry ADDRESS: the conntrack id of the flow from port 7001 to ADDRESS
udp_entry() {
	flows host -p udp -o id | grep "dst=$1 sport=7001 dport=5353 " | grep -o 'id=[0-9]*'
}

@test "add forgets udp flows that were not translated, remove those that were, and no others" {
	local other transit
	config '{"listener_check": "off"}'
	on host iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	serve host udp 192.0.2.1:5353 own
	serve ctr udp 53 dns
	serve ctr2 udp 5353 transit
	publish web 192.0.2.3:5353:53/udp
	flow_open f ext udp 192.0.2.1 5353 sport=7001
	flow_open other ext udp 192.0.2.3 5353 sport=7001
	flow_open transit ext udp 10.88.7.3 5353 sport=7001
	assert "$(flow_ask f)" = own
	assert "$(flow_ask other)" = dns
	assert "$(flow_ask transit)" = transit
	other=$(udp_entry 192.0.2.3)
	transit=$(udp_entry 10.88.7.3)
	assert "$other" =~ 'id=.'
	add web 192.0.2.1:5353:53/udp
	assert "$(flow_ask f)" = dns
	assert "$(udp_entry 192.0.2.3)" = "$other" "the container's other flow, after add"
	assert "$(udp_entry 10.88.7.3)" = "$transit" "transit, after add"
	remove web 192.0.2.1:5353:53/udp
	assert "$(flow_ask f)" = own
	assert "$(udp_entry 192.0.2.3)" = "$other" "the container's other flow, after remove"
	assert "$(udp_entry 10.88.7.3)" = "$transit" "transit, after remove"
}

# add_nth N: one more port for web
add_nth() {
	add web "$((8000 + $1)):80"
}

remove_nth() {
	remove web "$((8000 + $1)):80"
}

# amend_nth N: odd ones remove, even ones add
amend_nth() {
	if [[ $(($1 % 2)) = 1 ]]; then
		remove_nth "$1"
	else
		add web "$((9000 + $1)):80"
	fi
}

@test "many at once to one container lose none" {
	local i
	publish web 8080:80
	at_once 12 add_nth
	assert "$(ports web | wc -w)" -eq 13
	for i in {1..12}; do
		assert_rule host "\"natmap:web:$((8000 + i))\""
	done
	at_once 12 amend_nth
	assert "$(ports web | tr ' ' '\n' | sort | xargs)" = \
		'8002:80/tcp 8004:80/tcp 8006:80/tcp 8008:80/tcp 8010:80/tcp 8012:80/tcp 8080:80/tcp 9002:80/tcp 9004:80/tcp 9006:80/tcp 9008:80/tcp 9010:80/tcp 9012:80/tcp'
	run_natmap check
	withdraw web
	assert_clean
}

@test "containers of a pod share a port that one of them adds, and it goes with its last owner" {
	serve ctr tcp 80 pod
	publish one 8080:80
	publish two 8081:81
	add two 8080:80
	remove one 8080:80
	assert_reach pod ext tcp 192.0.2.1 8080
	remove two 8080:80
	assert_no_reach ext tcp 192.0.2.1 8080
	assert "$(ports two)" = 8081:81/tcp
}

# bats test_tags=once
@test "usage errors are told as such, and nothing is made" {
	local usage
	while read -ra usage; do
		run_natmap rc=2 "${usage[@]}"
	done <<-'END'
		add
		add web
		add --pid 1 web
		add --address 10.88.7.2
		add --pid
		add --pid 0 web 80
		add --pid -1 web 80
		add --pid 1x web 80
		add --pid 99999999999 web 80
		add --pid 1 --pid 1 web 80
		add --pid 1 --address 10.88.7.2 web 80
		add --frobnicate web 80
		add @web 80
		add we/b 80
		remove
		remove --all
		remove @web
		remove we/b 80
	END
	run_natmap rc=2 add '' 80
	run_natmap rc=2 remove ''
	publish web 8080:80
	undisturbed add rc=5 web 80:
	undisturbed add rc=5 web ''
	undisturbed add rc=5 web 8081:81,,8082:82
	undisturbed remove rc=5 web ''
}

@test "add keeps to the addresses that an annotation chose" {
	publish web 8080:80 address=10.88.7.2
	run_natmap add web 8081:81
	assert "$(rules host | grep -c 'fd00:7::2')" -eq 0 "rules with an address that was not chosen"
	run_natmap rc=5 add web '[::]:8082:82'
	withdraw web
	publish web 0.0.0.0:8080:80
	run_natmap add web '[::]:8082:82'
	assert_rule host "$(leads_to fd00:7::2 82)"
	assert_no_rule host "$(leads_to fd00:7::2 80)"
}

@test "127.0.0.1 answers for a port that came by add, by the interface of the recorded address" {
	ip -n "$NM_NS-host" -batch - <<-END
		link add br1 type bridge
		addr add 10.77.0.1/24 dev br1
		link set br1 up
		link add vctr1 type veth peer name eth1 netns $NM_NS-ctr
		link set vctr1 master br1 up
	END
	ip -n "$NM_NS-ctr" -batch - <<-END
		addr add 10.77.0.2/24 dev eth1
		link set eth1 up
	END
	serve ctr tcp 81 web
	publish web 192.0.2.1:8080:80 interface=eth1
	run_natmap add web 8081:81
	assert_reach web host tcp 127.0.0.1 8081
	assert "$(on host cat /proc/sys/net/ipv4/conf/br1/route_localnet /proc/sys/net/ipv4/conf/br0/route_localnet | xargs)" = '1 0'
}
