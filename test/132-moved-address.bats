#!/usr/bin/env bats
# A container's address changes while it is published, or another container has it, too.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap

setup() {
	net_up
}

teardown() {
	net_down
}

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
