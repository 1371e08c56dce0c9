#!/usr/bin/env bats
# io.natmap.allow: who may reach the published ports from outside the host.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
	on ext ip addr add fd00:99::9/64 dev eth0 nodad
	serve ctr tcp 80 web
}

@test "an allowed source reaches the port and another does not, over IPv4" {
	publish web 8080:80 allow=192.0.2.2/32
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	withdraw web
	assert_clean
}

@test "a network on one list opens no port to a shorter one on another list, nor to one that begins as a host on it" {
	ctr_start other ctr2
	publish web 8080:80,8000-8015:80-95 allow=192.0.2.0/29,192.0.2.12
	publish other 8081:80 allow=198.51.100.0/24,198.51.100.0/29,198.51.100.0/25
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.2
	assert_reach web ext tcp 192.0.2.1 8000 from=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_no_reach ext tcp 192.0.2.1 8000 from=192.0.2.9
}

@test "an allowed source reaches the port and another does not, over IPv6" {
	publish web 8080:80 allow=fd00:99::2
	assert_reach web ext tcp fd00:99::1 8080 from=fd00:99::2
	assert_no_reach ext tcp fd00:99::1 8080 from=fd00:99::9
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.2
}

@test "without it everyone reaches the port" {
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.2
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_reach web ext tcp fd00:99::1 8080 from=fd00:99::9
}

@test "several networks, blanks around commas, both families, under FORWARD policy DROP" {
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
	publish web 8080:80 allow='198.51.100.0/24 , 192.0.2.8/29,fd00:99::8/125'
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.2
	assert_reach web ext tcp fd00:99::1 8080 from=fd00:99::9
	assert_no_reach ext tcp fd00:99::1 8080 from=fd00:99::2
}

@test "a network of one family only leaves the other family closed" {
	publish web 8080:80 allow=192.0.2.0/24
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ext tcp fd00:99::1 8080
}

@test "0.0.0.0/0 allows all of IPv4" {
	publish web 8080:80 allow=0.0.0.0/0
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_no_reach ext tcp fd00:99::1 8080
}

@test "the host itself always reaches the port" {
	publish web 8080:80 127.0.0.1:8081:80 allow=198.51.100.1
	assert_reach web host tcp 127.0.0.1 8080
	assert_reach web host tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8081
	assert_no_reach ext tcp 192.0.2.1 8080
}

@test "another container is a source like others" {
	publish web 8080:80 allow=192.0.2.2
	assert_no_reach ctr2 tcp 192.0.2.1 8080
	publish web 8080:80 allow=192.0.2.2,10.88.7.3
	assert_reach web ctr2 tcp 192.0.2.1 8080
	assert_no_reach ctr tcp 192.0.2.1 8080
}

@test "direct access to the container is neither closed nor opened" {
	publish web 8080:80 80:80 allow=192.0.2.2
	assert_reach web ext tcp 10.88.7.2 80 from=192.0.2.9
	assert_reach web ext tcp fd00:7::2 80
	on host iptables -P FORWARD DROP
	run_natmap reload # in nftables the way through iptables' chain is only made where there is something to drop
	assert_reach web ext tcp 192.0.2.1 80 from=192.0.2.2
	assert_no_reach ext tcp 10.88.7.2 80 from=192.0.2.2
}

@test "an administrator's DNAT to the same container is not restricted" {
	on host iptables -t nat -A PREROUTING -p tcp --dport 9090 -j DNAT --to-destination 10.88.7.2:80
	publish web 8080:80 allow=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_reach web ext tcp 192.0.2.1 9090 from=192.0.2.9
}

@test "a restricted name server: questions over udp" {
	serve ctr udp 53 dns
	on host iptables -P FORWARD DROP
	publish dns 53:53/udp allow=192.0.2.9
	assert_reach dns ext udp 192.0.2.1 53 from=192.0.2.9
	assert_no_reach ext udp 192.0.2.1 53 from=192.0.2.2
	assert_reach dns ext udp 192.0.2.1 53 from=192.0.2.9 sport=5300
	assert_no_reach ext udp 192.0.2.1 53 from=192.0.2.2 sport=5300
}

@test "a range and a second container without restriction are not mixed up" {
	serve ctr tcp 81 last
	serve ctr2 tcp 80 free
	ctr_start free ctr2
	publish web 8080-8081:80-81 allow=192.0.2.2
	publish free 8082:80
	assert_reach last ext tcp 192.0.2.1 8081 from=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8081 from=192.0.2.9
	assert_reach free ext tcp 192.0.2.1 8082 from=192.0.2.9
	withdraw web
	assert_reach free ext tcp 192.0.2.1 8082 from=192.0.2.9
}

# bats test_tags=once
@test "two lists for the same port on two host addresses are not mixed up" {
	publish A 192.0.2.1:8080:80 allow=192.0.2.2
	publish B 192.0.2.3:8080:80 allow=192.0.2.9
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.2
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_reach web ext tcp 192.0.2.3 8080 from=192.0.2.9
	assert_no_reach ext tcp 192.0.2.3 8080 from=192.0.2.2
}

@test "so many networks for so many ports are refused: each is a rule or an element of its own" {
	local networks
	networks=$(printf '10.0.0.%s,' {1..64})
	publish rc=5 many 10000-10511:80-591 allow="${networks%,}"
	assert "$stderr" has "512 published ports for 64 networks of io.natmap.allow: more than 16384 pairs are refused"
	publish many 10000-10255:80-335 allow="${networks%,}"
}

@test "what is no network is refused, and nothing is published" {
	local before value
	before=$(snapshot host)
	for value in 192.0.2.0/33 192.0.2 fd00::/129 example.org '192.0.2.1,,' ,192.0.2.1 ''; do
		publish rc=5 web 8080:80 allow="$value"
		assert "$stderr" has allow
	done
	same "rules" "$before" "$(snapshot host)"
	assert_clean
}
