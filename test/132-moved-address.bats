#!/usr/bin/env bats
# A container's address changes while it is published, or another container has it, too.
# shellcheck disable=SC2154,SC2034 # $stderr and $output come from run_natmap, which uses NM_WRAP

load helpers/natmap

# replug N: the network of ctr is unplugged and plugged in again with the addresses 10.88.7.N and fd00:7::N
replug() {
	on host ip link del vctr
	on host ip link add vctr type veth peer name eth0 netns "/run/netns/$NM_NS-ctr"
	on host ip link set vctr master br0 up
	net_ctr_up ctr "$1"
	wait_for net_is_up
}

# readdress NODE N: its eth0 has these addresses instead
readdress() {
	on "$1" ip address flush dev eth0 scope global
	on "$1" ip address add "10.88.7.$2/24" dev eth0
	on "$1" ip address add "fd00:7::$2/64" dev eth0 nodad
	on "$1" ip route replace default via 10.88.7.1
	on "$1" ip -6 route replace default via fd00:7::1
}

@test "add moves all ports of a container whose address has changed, and check tells" {
	serve ctr tcp 80 web
	publish web 8080:80 127.0.0.1:9090:80
	replug 44
	run_natmap rc=3 check
	assert "$output" has "container 'web' no longer has the address 10.88.7.2 of its ports"
	assert "$output" has "container 'web' no longer has the address fd00:7::2 of its ports"
	run_natmap add web 8081:80
	assert_no_rule host 10.88.7.2
	assert_no_rule host fd00:7::2
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ext tcp 192.0.2.1 8081
	assert_reach web ext tcp fd00:99::1 8080
	assert_reach web host tcp 127.0.0.1 9090
	assert_reach web ctr tcp 192.0.2.1 8080
	run_natmap check
	on ctr ip -6 address flush dev eth0 scope global
	run_natmap add web 8082:80
	assert_no_rule host fd00:7::44
	assert_reach web ext tcp 192.0.2.1 8080
	withdraw web
	assert_clean
}

@test "add refuses where a port has no address to move to" {
	local before
	publish web 0.0.0.0:8080:80 '[::]:8080:80'
	on ctr ip -6 address flush dev eth0 scope global
	before=$(snapshot host)
	run_natmap rc=5 add web 0.0.0.0:8081:80
	assert "$stderr" has "'[::]:8080:80/tcp': the container has no IPv6 address"
	on ctr ip address flush dev eth0
	run_natmap rc=1 add web 0.0.0.0:8081:80
	assert "$stderr" has 'no interface has a global address'
	on ctr ip address add 10.88.7.2/24 dev eth0
	on ctr ip address add fd00:7::5/64 dev eth0 nodad
	same 'the host' "$before" "$(snapshot host)"
	run_natmap add web 0.0.0.0:8081:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_rule host "$(leads_to fd00:7::5 80)"
}

@test "a live container whose address another one has now keeps its host ports, which lead nowhere" {
	local n family
	serve ctr2 tcp 80 stranger
	for n in '0.0.0.0 4' '[::] 6'; do
		read -r n family <<<"$n"
		replug 2
		publish web "$n:8080:80"
		replug 44
		readdress ctr2 2
		ctr_start other ctr2
		publish other "$n:9000:80"
		assert "$(live_ids)" = 'other web' "with IPv$family"
		assert_no_rule host natmap:web:
		ctr_start third ctr2
		publish rc=4 third "$n:8080:80"
		assert_no_reach ext tcp 192.0.2.1 8080
		assert_no_reach ext tcp fd00:99::1 8080
		withdraw other
		ctr_stop other
		withdraw web
		assert_clean
	done
}

# lose: web is published, and then ctr2 has its address
lose() {
	withdraw other
	withdraw web
	readdress ctr2 3
	readdress ctr 2
	publish web 8080:80
	readdress ctr 44
	readdress ctr2 2
}

# take [FAULT...]: other is published with that address; FAULT is what fault.c is to do to the hook
take() {
	local argv
	mapfile -t argv < <(natmap_argv)
	on_for 20 host ${1:+"$NM_PROGRAMS/fault"} "$@" "${argv[@]}" hook createRuntime <"$NM_TMP/take" 3>&-
}

# taken_after_kill NTH CALL: what comes after a kill is as if there had been none
taken_after_kill() {
	lose
	refute take kill "$@" 2>/dev/null || return 1
	run_natmap reload
	take || fail "the next hook, after a kill at $2 $1" || return 1
	publish rc=4 third 8080:80 || return 1
	run_natmap reload
	run_natmap check
	assert "$(live_ids)" = 'other web' "after a kill at $2 $1"
	assert_rule host "$(leads_to 10.88.7.44 80)"
	assert_rule host "$(leads_to 10.88.7.2 80)"
}

# bats test_tags=iptables
@test "what is left of such a container in iptables stays when the other one is published with nftables" {
	ctr_start other ctr2
	serve ctr2 tcp 80 other
	publish other 8081:80
	on ctr2 ip address del 10.88.7.3/24 dev eth0
	on ctr ip address flush dev eth0 scope global
	on ctr ip address add 10.88.7.3/24 dev eth0
	config '{"backend": "nftables"}'
	publish web 0.0.0.0:8080:80
	assert_no_rule host 10.88.7.3:80 # of iptables'
	assert_reach other ext tcp fd00:99::1 8081
}

@test "killed while it takes a lost address over, a hook leaves what a reload makes right, and nobody gets the old owner's port" {
	local call calls n
	state other "$(ctr_start other ctr2)" creating io.natmap.ports=9000:80 >"$NM_TMP/take"
	ctr_start third ctr2 >/dev/null
	for call in pwrite64 sendto; do
		lose
		take count "$NM_TMP/calls" "$call"
		read -r _ calls <"$NM_TMP/calls"
		assert "$calls" -gt 2 "calls of $call"
		for ((n = calls > 5 ? calls - 4 : 1; n <= calls; n++)); do
			taken_after_kill "$n" "$call" || return 1
		done
	done
}

@test "an address that a live container of another network namespace has is refused" {
	local before
	serve ctr tcp 80 web
	publish web 8080:80
	ctr_start other ctr2
	on ctr2 ip address add 10.88.7.2/24 dev eth0
	on ctr2 ip address add fd00:7::2/64 dev eth0 nodad
	before=$(snapshot host)
	publish rc=5 other 9000:80 address=10.88.7.2
	assert "$stderr" has "container address '10.88.7.2/32': it is that of container 'web'"
	publish rc=5 other 9000:80 address=fd00:7::2
	assert "$stderr" has "container address 'fd00:7::2/128': it is that of container 'web'"
	publish rc=4 other 8080:80 address=10.88.7.2
	readdress ctr2 2
	publish rc=5 other 9000:80
	run_natmap rc=5 add --pid "$(ctr_pid other)" other 9000:80
	same 'the host' "$before" "$(snapshot host)"
	assert "$(live_ids)" = web
	run_natmap add web 8081:80
	publish pod 8082:80
	publish web 8080:80
	config '{"policy": {"address": ["10.88.7.2", "fd00:7::/64"]}}'
	publish other 9000:80
	run_natmap remove web
	run_natmap add --address 10.88.7.2 third 9001:80
}

@test "check says that it cannot look into a namespace, and does not fail" {
	publish web 8080:80
	ip netns add "$NM_NS-alone"
	NM_NODES+=" alone"
	sed -i 's/"pid":[0-9]*,"start":[0-9]*/"pid":'"$(ctr_start apart alone)"',"start":0/' "$(state_dir)/state"
	run_natmap -v check
	assert "$stderr" has "container 'web': the network namespace of process $(ctr_pid apart) is not known here"
}

# unplugged NODE: it has no network any more
unplugged() {
	on host ip link del "v$1"
}

# held TEXT...: web's ports are held without an address, which check says of each TEXT, and no other container gets them
held() {
	local text output=""
	run_natmap rc=3 check
	for text; do
		assert "$output" has "container 'web' no longer has the address $text of its ports"
	done
	assert "$(wc -l <<<"$output")" -eq $# "differences"
	publish rc=4 other 8080:80
	assert "$stderr" has "taken by container 'web'"
}

@test "reload moves the ports of a container to the addresses it has now, and holds them while it has none" {
	local by
	serve ctr tcp 80 web
	serve ctr2 tcp 80 stranger
	ctr_start other ctr2
	publish web 8080:80 127.0.0.1:9090:80
	run_natmap reload
	assert_reach web ext tcp 192.0.2.1 8080
	for by in reload gc; do
		unplugged ctr
		readdress ctr2 2 # of which no hook tells natmap
		wait_for net_is_up
		on host ip neigh flush dev br0
		assert_reach stranger ext tcp 192.0.2.1 8080
		run_natmap rc=3 check
		run_natmap "$by"
		assert_no_reach ext tcp 192.0.2.1 8080
		assert_no_reach ext tcp fd00:99::1 8080
		assert_no_reach host tcp 127.0.0.1 9090
		assert_no_rule host natmap:web:
		held 10.88.7.2 fd00:7::2
		run_natmap list
		assert "$output" =~ 'web +8080:80/tcp +running +[0-9]+  -'$'\n'
		run_natmap reload
		readdress ctr2 3
		on host ip link add vctr type veth peer name eth0 netns "/run/netns/$NM_NS-ctr"
		on host ip link set vctr master br0 up
		net_ctr_up ctr 44
		wait_for net_is_up
		run_natmap reload
		assert_reach web ext tcp 192.0.2.1 8080
		assert_reach web ext tcp fd00:99::1 8080
		assert_reach web host tcp 127.0.0.1 9090
		assert_reach web ctr tcp 192.0.2.1 8080 # hairpin mode of the new port
		run_natmap check
		replug 2
		run_natmap reload
		run_natmap check
		assert_rule host "$(leads_to 10.88.7.2 80)"
		assert_no_rule host "$(leads_to 10.88.7.44 80)"
	done
	withdraw web
	assert_clean
}

@test "each family of a container moves for itself, and a pod's containers together" {
	serve ctr tcp 80 web
	serve ctr udp 53 dns
	ctr_start other ctr2
	publish web 8080:80 5353:53/udp
	publish mate 8080:80
	on ctr ip -6 address flush dev eth0 scope global
	run_natmap reload
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_rule host fd00:7::2
	run_natmap rc=3 check
	assert "$output" = "container 'mate' no longer has the address fd00:7::2 of its ports
container 'web' no longer has the address fd00:7::2 of its ports"
	on ctr ip address add fd00:7::9/64 dev eth0 nodad
	on ctr ip -6 route replace default via fd00:7::1
	on ctr ip -4 address flush dev eth0
	run_natmap reload
	assert_reach web ext tcp fd00:99::1 8080
	assert_no_rule host 10.88.7.2
	on ctr ip address add 10.88.7.9/24 dev eth0
	on ctr ip route replace default via 10.88.7.1
	run_natmap reload
	run_natmap check
	assert "$(live_ids | xargs -n 1 | sort | xargs)" = 'mate web'
	withdraw web
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ext tcp fd00:99::1 8080
	withdraw mate
	assert_clean
}

@test "ports whose address or interface was asked for move to no other one" {
	local what
	ctr_start other ctr2
	on host ip link add vctrb type veth peer name eth1 netns "/run/netns/$NM_NS-ctr"
	on host ip link set vctrb master br0 up
	on ctr ip link set eth1 up
	for what in interface=eth1 address=10.88.7.60; do
		on ctr ip address add 10.88.7.60/24 dev eth1
		publish web 8080:80 "$what"
		assert_rule host "$(leads_to 10.88.7.60 80)"
		on ctr ip address del 10.88.7.60/24 dev eth1
		run_natmap reload
		assert_no_rule host natmap:web:
		held 10.88.7.60
		on ctr ip address add 10.88.7.61/24 dev eth1
		run_natmap reload
		if [[ $what = interface* ]]; then
			assert_rule host "$(leads_to 10.88.7.61 80)"
		else
			assert_no_rule host natmap:web:
		fi
		on ctr ip address del 10.88.7.61/24 dev eth1
		run_natmap reload
		on ctr ip address add 10.88.7.60/24 dev eth1
		run_natmap reload
		assert_rule host "$(leads_to 10.88.7.60 80)"
		run_natmap check
		withdraw web
		on ctr ip address del 10.88.7.60/24 dev eth1
		assert_clean
	done
}

@test "no ports move to an address that another container has on record, nor without the right to look" {
	local blind=(setpriv "--bounding-set=-all,+net_admin")
	publish web 8080:80
	ctr_start other ctr2
	publish other 9000:80
	readdress ctr 3
	run_natmap reload
	assert "$(rules host)" has "$(leads_to 10.88.7.3 80)"
	assert_no_rule host natmap:web:
	run_natmap rc=3 check
	assert "$output" has "container 'web' no longer has the address 10.88.7.2 of its ports"
	withdraw other
	NM_WRAP=("${blind[@]}")
	run_natmap reload
	assert_no_rule host natmap:web:
	NM_WRAP=()
	run_natmap reload
	assert_rule host natmap:web:
	assert_rule host "$(leads_to 10.88.7.3 80)"
	readdress ctr 4
	NM_WRAP=("${blind[@]}")
	run_natmap reload
	assert_no_rule host natmap:web:
	withdraw web
	assert_clean
}

@test "ports that are held are added, removed and withdrawn" {
	serve ctr tcp 80 web
	publish web 8080:80 9090:80
	unplugged ctr
	run_natmap reload
	assert_no_rule host natmap:web:
	run_natmap remove web 9090:80
	run_natmap reload
	run_natmap rc=1 add web 7070:80
	assert "$(live_ids)" = web
	on host ip link add vctr type veth peer name eth0 netns "/run/netns/$NM_NS-ctr"
	on host ip link set vctr master br0 up
	net_ctr_up ctr 44
	wait_for net_is_up
	run_natmap add web 7070:80
	assert_reach web ext tcp 192.0.2.1 7070
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ext tcp fd00:99::1 8080
	run_natmap check
	unplugged ctr
	run_natmap reload
	ctr_stop web
	run_natmap gc
	assert "$output" = web
	assert_clean
}
