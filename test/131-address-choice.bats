#!/usr/bin/env bats
# Which of several addresses is published: what the container's namespace shows is for the container to choose.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

# addresses: those on record
addresses() {
	sed -n 's/^{"live":1,.*"addresses":\["\([^]]*\)"\].*/\1/p' "$(state_dir)/state" | sed 's/","/ /g'
}

# vpn_up: the container's default routes lead into a VPN, where it has 10.8.0.5 and fd00:8::5. The host has only its own
# default routes to these. Neighbours, which are masqueraded, still get answers.
vpn_up() {
	on host ip route add default via 192.0.2.2
	on host ip route add default via fd00:99::2
	on ctr ip tuntap add vpn0 mode tun
	on ctr ip link set vpn0 up
	on ctr ip address add 10.8.0.5/24 dev vpn0
	on ctr ip address add fd00:8::5/64 dev vpn0 nodad
	on ctr ip route replace default dev vpn0
	on ctr ip -6 route add default dev vpn0 metric 1
}

@test "a VPN's address, to which the host has only its default route, is not published" {
	serve ctr tcp 80 web
	vpn_up
	publish web 8080:80
	assert "$(addresses)" = '10.88.7.2/24 fd00:7::2/64'
	assert_reach web ctr2 tcp 192.0.2.1 8080
	assert_reach web ctr2 tcp fd00:99::1 8080
	assert_reach web host tcp 127.0.0.1 8080
	withdraw web
	on ctr ip address flush dev eth0 scope global
	publish rc=5 web 8080:80
	assert "$stderr" has 'the host has only its default route to it'
	publish rc=5 web 8080:80 interface=vpn0
	on ctr ip address add 10.88.7.2/24 dev eth0
	publish rc=5 web '[::]:8080:80'
	assert "$stderr" has "container address 'fd00:8::5/64': the host has only its default route to it"
	publish web 8080:80
	assert "$(addresses)" = 10.88.7.2/24 "IPv6 is left out"
	withdraw web
	config '{"policy": {"address": ["10.8.0.0/24"]}}'
	publish web 0.0.0.0:8080:80
	assert "$(addresses)" = 10.8.0.5/24 "the administrator allows it"
	withdraw web
	assert_clean
}

@test "ports are added at the address on record while a VPN has the default route" {
	local with
	serve ctr tcp 80 web
	publish web 8080:80
	vpn_up
	for with in '' "--pid $(ctr_pid web)"; do
		# shellcheck disable=SC2086 # words
		run_natmap add $with web 8081:80
		assert "$(addresses)" = '10.88.7.2/24 fd00:7::2/64' "add $with"
		assert_reach web ctr2 tcp 192.0.2.1 8081
		assert_reach web ctr2 tcp fd00:99::1 8081
		run_natmap remove web 8081:80
	done
	withdraw web
	assert_clean
}

@test "add --interface moves the container to another interface's addresses" {
	on host ip link add way2 type veth peer name eth1 netns "/run/netns/$NM_NS-ctr"
	on host ip address add 10.88.8.1/24 dev way2
	on host ip address add fd00:8::1/64 dev way2 nodad
	on host ip link set way2 up
	on ctr ip address add 10.88.8.2/24 dev eth1
	on ctr ip address add fd00:8::2/64 dev eth1 nodad
	on ctr ip link set eth1 up
	serve ctr tcp 80 web
	publish web 8080:80
	run_natmap rc=5 add --interface none0 web 8081:80
	assert "$stderr" = "natmap: container 'web': the container has no interface 'none0'"
	run_natmap add --interface eth1 web 8081:80
	assert "$(addresses)" = '10.88.8.2/24 fd00:8::2/64'
	assert_no_rule host "$(leads_to 10.88.7.2 80)"
	assert_no_rule host "$(leads_to fd00:7::2 80)"
	assert "$(on host cat /proc/sys/net/ipv4/conf/{br0,way2}/route_localnet | xargs)" = '0 1'
	assert_reach web host tcp 127.0.0.1 8080
	assert_reach web ext tcp fd00:99::1 8081
	run_natmap add web 8082:80
	assert "$(addresses)" = '10.88.8.2/24 fd00:8::2/64'
	on ctr ip -6 address flush dev eth1 scope global
	run_natmap add --interface eth1 --pid "$(ctr_pid web)" web 8083:80
	assert "$(addresses)" = 10.88.8.2/24
	run_natmap rc=3 check
	assert "$output" = "container 'web' no longer has the address fd00:8::2 of its ports"
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "add takes --address, or --pid and --interface" {
	local options
	for options in '--address 10.88.7.2 --pid 1' '--interface eth0 --address 10.88.7.2' '--pid 1 --pid 1' \
		'--interface eth0 --interface eth0' '--interface' '--pid 0'; do
		# shellcheck disable=SC2086 # words
		run_natmap rc=2 add $options web 8080:80
	done
	run_natmap add --address 10.88.7.2 web 8080:80
	run_natmap rc=1 add --interface eth0 web 8081:80
	assert "$stderr" has 'known by its address alone'
}
