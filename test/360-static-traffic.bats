#!/usr/bin/env bats
# Who reaches what through static NAT. The host drops what it forwards by default, so that every answer is one that
# natmap's own rules let through. 203.0.113.43 and fd00:98::43 are routed to the host, which does not have them.
# shellcheck disable=SC2154 # $output comes from run_natmap

load helpers/natmap

setup() {
	net_up
	on ext ip route add 203.0.113.0/24 via 192.0.2.1
	on ext ip -6 route add fd00:98::/64 via fd00:99::1
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
}

# static JSON: these static rules are in place, and no others
static() {
	config "{\"static\": {$1}}"
	run_natmap reload
}

# dnat_to EXTERNAL INTERNAL PORTS [PROTOCOL] [JSON]: one entry
dnat_to() {
	local external=${1:+"\"external_address\": \"$1\", "}
	printf '"dnat": [{"name": "x", %s"internal_address": "%s", "ports": "%s", "protocol": "%s"%s}]' \
		"$external" "$2" "$3" "${4:-tcp}" "${5:-}"
}

# hairpin_to EXTERNAL INTERNAL PORTS [PROTOCOL] [LAN]
hairpin_to() {
	printf '"hairpin": [{"name": "x", "external_address": "%s", "internal_address": "%s", "ports": "%s", "protocol": "%s"%s}]' \
		"$1" "$2" "$3" "${4:-tcp}" "${5:+, \"lan\": \"$5\"}"
}

# snat_as EXTERNAL INTERNAL [JSON]
snat_as() {
	printf '"snat": [{"name": "x", "internal_address": "%s", "external_address": "%s"%s}]' "$2" "$1" "${3:-}"
}

# let_out: the administrator lets containers open connections
let_out() {
	local program
	for program in iptables ip6tables; do
		on host "$program" -A FORWARD -i br0 -o up0 -j ACCEPT
		on host "$program" -A FORWARD -i up0 -o br0 -m conntrack --ctstate ESTABLISHED -j ACCEPT
	done
}

@test "dnat of a second address of the host, from outside and from the host itself" {
	serve ctr tcp 25 'mail %p'
	serve ctr udp 25 'mail %p'
	static "$(dnat_to 192.0.2.3 10.88.7.2 25)"
	assert_reach 'mail 192.0.2.9' ext tcp 192.0.2.3 25 from=192.0.2.9
	assert_reach 'mail 10.88.7.1' host tcp 192.0.2.3 25 from=10.88.7.1
	assert_no_reach ext tcp 192.0.2.1 25
	assert_no_reach ext udp 192.0.2.3 25
	static "$(dnat_to 192.0.2.3 10.88.7.2 25 udp)"
	assert_reach 'mail 192.0.2.2' ext udp 192.0.2.3 25
	assert_no_reach ext tcp 192.0.2.3 25
	config '{}'
	run_natmap reload
	assert_no_reach ext udp 192.0.2.3 25
}

@test "dnat of an address that is routed to the host, from outside and from the host itself" {
	serve ctr tcp 25 'mail %p'
	serve ctr udp 25 'mail %p'
	on host ip route add 203.0.113.0/24 dev up0
	static "$(dnat_to 203.0.113.43 10.88.7.2 25)"
	assert_reach 'mail 192.0.2.2' ext tcp 203.0.113.43 25
	assert_reach 'mail 192.0.2.1' host tcp 203.0.113.43 25
	assert_no_reach ext tcp 203.0.113.44 25
	static "$(dnat_to 203.0.113.43 10.88.7.2 25 udp)"
	assert_reach 'mail 192.0.2.2' ext udp 203.0.113.43 25
	assert_reach 'mail 192.0.2.1' host udp 203.0.113.43 25
}

@test "dnat over IPv6, of the host's own address and of one that is routed to it" {
	serve ctr tcp 25 'mail %p'
	serve ctr udp 25 'mail %p'
	on host ip -6 route add fd00:98::/64 dev up0
	static "$(dnat_to fd00:99::3 fd00:7::2 25)"
	assert_reach 'mail fd00:99::2' ext tcp fd00:99::3 25
	assert_no_reach ext tcp fd00:99::1 25
	static "$(dnat_to fd00:98::43 fd00:7::2 25)"
	assert_reach 'mail fd00:99::2' ext tcp fd00:98::43 25
	assert_reach 'mail fd00:99::1' host tcp fd00:98::43 25
	static "$(dnat_to fd00:98::43 fd00:7::2 25 udp)"
	assert_reach 'mail fd00:99::2' ext udp fd00:98::43 25
}

@test "several ports and ranges: the first and the last of each, and none beside them" {
	local port
	for port in 25 26 465 7999 8000 8010 8011; do
		serve ctr tcp "$port" "$port"
	done
	static "$(dnat_to 203.0.113.43 10.88.7.2 25,465,8000-8010)"
	for port in 25 465 8000 8010; do
		assert_reach "$port" ext tcp 203.0.113.43 "$port"
	done
	for port in 26 7999 8011; do
		assert_no_reach ext tcp 203.0.113.43 "$port"
	done
}

@test "the sixteenth port is reached like the first" {
	serve ctr tcp 3001 first
	serve ctr tcp 3016 last
	static "$(dnat_to 203.0.113.43 10.88.7.2 "$(seq -s, 3001 3016)")"
	assert_reach first ext tcp 203.0.113.43 3001
	assert_reach last ext tcp 203.0.113.43 3016
}

@test "dnat without an external address takes what is addressed to the host, and transit to the same port is untouched" {
	on host iptables -P FORWARD ACCEPT
	serve ctr tcp 25 mail
	serve ctr2 tcp 25 other
	serve ext tcp 25 outside
	static "$(dnat_to '' 10.88.7.2 25)"
	assert_reach mail ext tcp 192.0.2.1 25
	assert_reach mail ext tcp 192.0.2.3 25
	assert_reach other ext tcp 10.88.7.3 25
	assert_reach outside ctr2 tcp 192.0.2.2 25
	assert_reach outside host tcp 192.0.2.2 25
	assert_reach other host tcp 10.88.7.3 25
	on host iptables -P FORWARD DROP
	run_natmap reload # in nftables it is only now that a way through that chain is needed
	assert_reach mail ext tcp 192.0.2.1 25
	assert_no_reach ext tcp 10.88.7.3 25
}

@test "dnat with an interface takes what comes in there only" {
	serve ctr tcp 25 mail
	static "$(dnat_to 203.0.113.43 10.88.7.2 25 tcp ', "external_interface": "up0"')"
	assert_reach mail ext tcp 203.0.113.43 25
	assert_no_reach ctr2 tcp 203.0.113.43 25
	static "$(dnat_to 203.0.113.43 10.88.7.2 25 tcp ', "external_interface": "br0"')"
	assert_no_reach ext tcp 203.0.113.43 25
	static "$(dnat_to '' 10.88.7.2 25 tcp ', "external_interface": "br0"')"
	assert_no_reach ext tcp 192.0.2.1 25
	static "$(dnat_to '' 10.88.7.2 25 tcp ', "external_interface": "up0"')"
	assert_reach mail ext tcp 192.0.2.1 25
}

@test "direct access to the internal host stays closed" {
	serve ctr tcp 25 mail
	serve ctr udp 25 mail
	static "$(dnat_to 203.0.113.43 10.88.7.2 25), $(snat_as 203.0.113.43 10.88.7.2), $(hairpin_to 203.0.113.43 10.88.7.2 25 tcp 10.88.7.0/24)"
	assert_reach mail ext tcp 203.0.113.43 25
	assert_no_reach ext tcp 10.88.7.2 25
	assert_no_reach ext udp 10.88.7.2 25
	# another's translation to the same place is not let through either
	on host iptables -t nat -A PREROUTING -d 203.0.113.44 -p tcp --dport 25 -j DNAT --to-destination 10.88.7.2
	on host iptables -t nat -A PREROUTING -d 203.0.113.43 -p tcp --dport 26 -j DNAT --to-destination 10.88.7.2:25
	assert_no_reach ext tcp 203.0.113.44 25
	assert_no_reach ext tcp 203.0.113.43 26
	static "$(dnat_to '' 10.88.7.2 25)"
	assert_reach mail ext tcp 192.0.2.1 25
	assert_no_reach ext tcp 10.88.7.2 25
	on ctr iptables -A INPUT -s 192.0.2.9
	assert_no_reach ext tcp 10.88.7.2 25 from=192.0.2.9
	assert "$(on ctr iptables -nvxL INPUT | awk '/192.0.2.9/ {print $1}')" -eq 0 "packets that came through, even one way"
}

@test "with snat the outside sees the external address, also where a generic MASQUERADE stands" {
	serve ext tcp 80 '%p'
	serve ext udp 80 '%p'
	static "$(snat_as 203.0.113.43 10.88.7.2)"
	assert_no_reach ctr tcp 192.0.2.2 80
	let_out
	assert_reach 203.0.113.43 ctr tcp 192.0.2.2 80
	assert_reach 203.0.113.43 ctr udp 192.0.2.2 80
	assert_reach 10.88.7.3 ctr2 tcp 192.0.2.2 80
	on host iptables -t nat -A POSTROUTING -o up0 -j MASQUERADE
	assert_reach 203.0.113.43 ctr tcp 192.0.2.2 80
	assert_reach 192.0.2.1 ctr2 tcp 192.0.2.2 80
	on host iptables -t nat -I POSTROUTING -o up0 -j MASQUERADE # one that came later, before ours
	run_natmap reload
	assert_reach 203.0.113.43 ctr tcp 192.0.2.2 80
}

@test "snat of a network, on one interface, and over IPv6" {
	serve ext tcp 80 '%p'
	let_out
	static "$(snat_as 203.0.113.43 10.88.7.0/24 ', "external_interface": "up0"')"
	assert_reach 203.0.113.43 ctr tcp 192.0.2.2 80
	assert_reach 203.0.113.43 ctr2 tcp 192.0.2.2 80
	static "$(snat_as 203.0.113.43 10.88.7.0/24 ', "external_interface": "br0"')"
	assert_reach 10.88.7.2 ctr tcp 192.0.2.2 80
	static "$(snat_as fd00:98::43 fd00:7::2)"
	assert_reach fd00:98::43 ctr tcp fd00:99::2 80
	assert_reach fd00:7::3 ctr2 tcp fd00:99::2 80
}

@test "a container's published port is seen with its own clients' addresses beside a snat of the container" {
	serve ctr tcp 80 'web %p'
	static "$(snat_as 203.0.113.43 10.88.7.2)"
	publish web 8080:80
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' ctr2 tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 8080
}

@test "hairpin with a lan: neighbours reach the server by the external address and are seen as the host" {
	serve ctr tcp 25 'mail %p'
	serve ctr udp 25 'mail %p'
	on host bridge link set dev vctr hairpin on # or br_netfilter, where it is on, loses what ctr sends to itself
	static "$(dnat_to 203.0.113.43 10.88.7.2 25), $(hairpin_to 203.0.113.43 10.88.7.2 25 tcp 10.88.7.0/24)"
	assert_reach 'mail 10.88.7.1' ctr2 tcp 203.0.113.43 25
	assert_reach 'mail 10.88.7.1' ctr tcp 203.0.113.43 25
	assert_reach 'mail 192.0.2.2' ext tcp 203.0.113.43 25
	static "$(dnat_to 203.0.113.43 10.88.7.2 25 udp), $(hairpin_to 203.0.113.43 10.88.7.2 25 udp 10.88.7.3/32)"
	assert_reach 'mail 10.88.7.1' ctr2 udp 203.0.113.43 25
	static "$(dnat_to fd00:98::43 fd00:7::2 25), $(hairpin_to fd00:98::43 fd00:7::2 25 tcp fd00:7::/64)"
	assert_reach 'mail fd00:7::1' ctr2 tcp fd00:98::43 25
	on host ip6tables -P FORWARD ACCEPT
	assert_reach 'mail fd00:7::3' ctr2 tcp fd00:7::2 25 # on their own network they see each other as they are
}

@test "hairpin without a lan: the internal host reaches itself by the external address, and nobody else does" {
	serve ctr tcp 25 'mail %p'
	serve ctr udp 25 'mail %p'
	on host bridge link set dev vctr hairpin on
	static "$(hairpin_to 203.0.113.43 10.88.7.2 25)"
	assert_reach 'mail 10.88.7.1' ctr tcp 203.0.113.43 25
	assert_no_reach ctr2 tcp 203.0.113.43 25
	assert_no_reach ext tcp 203.0.113.43 25
	assert_no_reach ctr udp 203.0.113.43 25
	static "$(hairpin_to 192.0.2.3 10.88.7.2 20-30 udp)"
	assert_reach 'mail 10.88.7.1' ctr udp 192.0.2.3 25
	static "$(hairpin_to fd00:98::43 fd00:7::2 25)"
	assert_reach 'mail fd00:7::1' ctr tcp fd00:98::43 25
}

@test "an open connection outlives a reload" {
	serve ctr tcp 25 mail
	static "$(dnat_to 203.0.113.43 10.88.7.2 25)"
	flow_open f ext tcp 203.0.113.43 25
	wait_for flow_ask f
	run_natmap reload
	assert "$(flow_ask f)" = mail
	static "$(dnat_to 203.0.113.43 10.88.7.2 25,26)"
	assert "$(flow_ask f)" = mail
}
