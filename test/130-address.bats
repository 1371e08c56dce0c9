#!/usr/bin/env bats
# The container's address: how it is found, and which ones are refused.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap

# denied NEEDLE ADDRESS...: each annotated address is refused, the message has NEEDLE, and nothing is left
denied() {
	local before address
	before=$(snapshot host)
	for address in "${@:2}"; do
		publish rc=5 web 8080:80 address="$address" || return 1
		assert "$stderr" has "$1" "$address" || return 1
	done
	same "the host" "$before" "$(snapshot host)" || return 1
	assert_no_state
}

# readdress ADDRESS...: the container's eth0 has these and no others
readdress() {
	local address
	on ctr ip address flush dev eth0
	for address; do
		on ctr ip address add "$address" dev eth0
	done
}

# allow_any: only the rules that no configuration can lift are left
allow_any() {
	config '{"policy": {"address": ["0.0.0.0/0", "::/0"]}}'
}

# bats test_tags=once
@test "loopback addresses are refused" {
	denied loopback 127.0.0.1 ::1
	allow_any
	denied loopback 127.0.0.1 127.8.9.10 ::1
}

# bats test_tags=once
@test "unspecified addresses are refused" {
	allow_any
	denied unspecified 0.0.0.0 ::
}

# bats test_tags=once
@test "multicast and broadcast addresses are refused" {
	allow_any
	denied multicast 224.0.0.5 239.1.2.3 ff02::1 ff05::1:3
	denied broadcast 255.255.255.255 10.88.7.255 192.0.2.255
}

# bats test_tags=once
@test "link-local addresses are refused" {
	allow_any
	denied link-local 169.254.169.254 fe80::1
}

# bats test_tags=once
@test "the host's own addresses are refused" {
	allow_any
	denied "the host's own" 192.0.2.1 192.0.2.3 10.88.7.1 fd00:99::1 fd00:7::1
}

# bats test_tags=once
@test "an IPv4 address in IPv6 clothes is refused" {
	allow_any
	denied loopback ::ffff:127.0.0.1
	denied IPv4-mapped ::ffff:192.0.2.1 ::ffff:10.88.7.2
}

# bats test_tags=once
@test "an annotated address must be the container's" {
	denied 10.88.7.3 10.88.7.3
	denied fd00:7::3 fd00:7::3 10.88.7.2,fd00:7::3
	denied 192.0.2.2 192.0.2.2
	publish web 8080:80 address=10.88.7.2,fd00:7::2
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_rule host "$(leads_to fd00:7::2 80)"
}

# bats test_tags=once
@test "an annotated address of one family leaves out the other" {
	publish web 8080:80 address=10.88.7.2
	assert_no_rule host fd00:7::2
	publish rc=5 six '[::]:8081:80' address=10.88.7.2
	assert "$stderr" has IPv6
}

@test "a second address of the container can be annotated" {
	on ctr ip address add 10.88.7.77/24 dev eth0
	publish web 8080:80 address=10.88.7.77/24
	assert_rule host "$(leads_to 10.88.7.77 80)"
	assert_rule host "$(masquerades 10.88.7.0/24 10.88.7.77)"
}

@test "without a prefix length only the address itself is masqueraded" {
	publish web 8080:80 address=10.88.7.2,fd00:7::2
	assert_rule host "$(masquerades 10.88.7.2/32 10.88.7.2)"
	assert_rule host "$(masquerades fd00:7::2/128 fd00:7::2)"
}

# bats test_tags=once
@test "a prefix shorter than the host's route is refused" {
	denied /24 10.88.7.2/16 10.88.7.2/23 10.88.7.2/0
	denied /64 fd00:7::2/48 fd00:7::2/0
	publish web 8080:80 address=10.88.7.2/24,fd00:7::2/64
}

# bats test_tags=once
@test "an address found in the container is refused like an annotated one" {
	readdress 192.0.2.1/24
	publish rc=5 web 0.0.0.0:8080:80
	assert "$stderr" has "the host's own"
	readdress 10.88.7.1/24
	publish rc=5 web 0.0.0.0:8080:80
	readdress 169.254.3.4/16
	publish rc=5 web 8080:80
	assert "$stderr" has link-local
	assert_no_state
}

# bats test_tags=once
@test "a container in the host's network is refused" {
	ctr_start web host
	publish rc=5 web 8080:80
	assert "$stderr" has network
	assert_no_state
}

# bats test_tags=once
@test "a process that is gone is a failure" {
	local pid
	pid=$(ctr_start web)
	ctr_stop web
	publish rc=1 web 8080:80 pid="$pid"
	assert "$stderr" has "$pid is gone"
	assert_no_state
}

# bats test_tags=once
@test "a publish without a process is refused" {
	publish rc=5 web 8080:80 pid=0
	assert "$stderr" has pid
}

# bats test_tags=once
@test "a container without a global address is a failure that says so" {
	readdress
	publish rc=1 web 8080:80
	assert "$stderr" has 'global address'
	on ctr ip address add 169.254.3.4/16 dev eth0 scope link
	publish rc=1 web 8080:80
	assert "$stderr" has 'global address'
	assert_no_state
}

# bats test_tags=once
@test "the interface of the default route decides, or io.natmap.interface" {
	on ctr ip link add aaa0 type bridge
	on ctr ip address add 10.88.7.66/24 dev aaa0
	on ctr ip link set aaa0 up
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
	withdraw web
	publish web 8080:80 interface=aaa0
	assert_rule host "$(leads_to 10.88.7.66 80)"
	assert_no_rule host fd00:7::2
	withdraw web
	publish rc=5 web 8080:80 interface=none0
	assert "$stderr" has "'none0'"
}

# bats test_tags=once
@test "without a default route the first interface with a global address decides" {
	on ctr ip link add aaa0 type bridge
	on ctr ip link set aaa0 up
	on ctr ip route del default
	on ctr ip -6 route del default
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_rule host "$(leads_to fd00:7::2 80)"
}

@test "a container with IPv4 alone is published on IPv4 alone" {
	readdress 10.88.7.2/24
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert "$(on host ip6tables-save)" lacks natmap
	publish rc=5 six '[::]:8081:80'
	assert "$stderr" has 'no IPv6 address'
	publish rc=5 six '8082:80,[fd00:99::1]:8081:80'
	assert_no_rule host natmap:six
}

@test "a container with IPv6 alone is published on IPv6 alone" {
	readdress fd00:7::2/64
	publish web 8080:80
	assert_rule host "$(leads_to fd00:7::2 80)"
	assert "$(on host iptables-save)" lacks natmap
	publish rc=5 four 0.0.0.0:8081:80
	assert "$stderr" has 'no IPv4 address'
	publish rc=5 four 192.0.2.1:8081:80
	publish rc=5 four 127.0.0.1:8081:80
}

# bats test_tags=once
@test "a wildcard claims both families even when the container has one" {
	readdress 10.88.7.2/24
	publish web 8080:80
	on ctr ip address add fd00:7::2/64 dev eth0 nodad
	publish rc=4 six '[::]:8080:80'
	assert "$stderr" has "'web'"
}

# bats test_tags=once
@test "an address that the host has no route to is a failure" {
	allow_any
	publish rc=1 web 8080:80 address=203.0.113.7
	assert "$stderr" has 'no route'
}

# second_link: another way from the host to ctr, host's side way2
second_link() {
	on host ip link add way2 type veth peer name eth1 netns "/run/netns/$NM_NS-ctr"
	on host ip link set way2 up
	on ctr ip link set eth1 up
}

# recorded_localnet: the interface whose route_localnet the container needs
recorded_localnet() {
	tail -n 1 "$(state_dir)/state" | jq -r '.localnet.interface'
}

@test "a route with nexthops on one interface leads through that" {
	on host ip route replace 10.88.7.2/32 nexthop via 10.88.7.2 dev br0 nexthop via 10.88.7.3 dev br0
	on host ip -6 route replace fd00:7::2/128 nexthop via fd00:7::2 dev br0 nexthop via fd00:7::3 dev br0
	publish web 8080:80
	assert "$(recorded_localnet)" = br0
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_rule host "$(leads_to fd00:7::2 80)"
}

@test "a container behind several interfaces is published, but not on 127.0.0.1" {
	second_link
	on host ip route replace 10.88.7.2/32 nexthop dev br0 nexthop dev way2
	publish web 8080:80
	assert "$(recorded_localnet)" = null
	assert "$(on host cat /proc/sys/net/ipv4/conf/{br0,way2}/route_localnet | xargs)" = '0 0'
	assert_rule host "$(leads_to 10.88.7.2 80)"
	run_natmap check
	withdraw web
	assert_clean
}

@test "a route whose nexthop is an object of its own leads through that" {
	on host sh -c 'echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode'
	on host ip nexthop add id 7 dev br0
	on host ip nexthop add id 8 via fd00:7::2 dev br0
	on host ip route replace 10.88.7.2/32 nhid 7
	on host ip -6 route replace fd00:7::2/128 nhid 8
	publish web 8080:80
	assert "$(recorded_localnet)" = br0
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_rule host "$(leads_to fd00:7::2 80)"
}

# bats test_tags=once
@test "of a default route with several nexthops the first living one decides" {
	second_link
	on ctr ip address add 10.88.8.2/24 dev eth1
	on ctr ip route replace default nexthop via 10.88.8.1 dev eth1 nexthop via 10.88.7.1 dev eth0
	on host ip address add 10.88.8.1/24 dev way2
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.8.2 80)"
	withdraw web
	on ctr ip link set eth1 down
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
}
