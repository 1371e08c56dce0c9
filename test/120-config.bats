#!/usr/bin/env bats
# The configuration file: what it refuses, and what a request may not do because of it.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap
# bats file_tags=once

load helpers/natmap
load helpers/syslog

# set_sysctl NODE NAME VALUE
set_sysctl() {
	on "$1" sh -c "echo $3 >/proc/sys/net/$2"
}

# sysctl_is NODE NAME VALUE
sysctl_is() {
	assert "$(on "$1" cat "/proc/sys/net/$2")" = "$3" "$2"
}

# denied KEY PORTS [KEY=VALUE]: publishing is refused, the message names the configuration's KEY, and nothing is left
denied() {
	before=${before:-$(snapshot host)} # of the whole test
	publish rc=5 web "${@:2}" || return 1
	assert "$stderr" has "$1" || return 1
	same "the host" "$before" "$(snapshot host)" || return 1
	assert_no_state
}

# broken NEEDLE TEXT: publishing with the configuration TEXT fails; the message names the file and NEEDLE
broken() {
	config "$2"
	publish rc=2 web 8080:80 || return 1
	assert "$stderr" has "$NM_TMP/natmap.json" || return 1
	assert "$stderr" has "$1" || return 1
	assert_no_state
}

@test "host ports outside of policy.host_ports are refused" {
	config '{"policy": {"host_ports": "1024-2000,8080"}}'
	denied policy.host_ports 80:80
	denied policy.host_ports 1999-2001:1-3
	denied policy.host_ports 8080:80,8081:81
	publish web 8080:80,1024-2000:1024-2000/udp
}

@test "host ports in policy.reserved_ports are refused" {
	config '{"policy": {"reserved_ports": "22,6443-6445"}}'
	denied policy.reserved_ports 22:22
	denied policy.reserved_ports 6000-6443:6000-6443
	publish web 23:22,6446:6443
}

@test "host addresses outside of policy.host_addresses are refused, and so is a wildcard" {
	config '{"policy": {"host_addresses": ["192.0.2.1", "fd00:99::/64"]}}'
	denied policy.host_addresses 192.0.2.3:8080:80
	denied policy.host_addresses 127.0.0.1:8080:80
	denied policy.host_addresses 8080:80
	denied policy.host_addresses 0.0.0.0:8080:80
	denied policy.host_addresses '[::]:8080:80'
	publish web '192.0.2.1:8080:80,[fd00:99::3]:8080:80'
}

@test "a wildcard is allowed where policy.host_addresses holds its whole family" {
	config '{"policy": {"host_addresses": ["0.0.0.0/0"]}}'
	denied policy.host_addresses 8080:80
	publish web 0.0.0.0:8080:80
}

@test "an address of somebody else is refused unless policy.address holds it" {
	denied policy.address 8080:80 address=10.88.7.3
	config '{"policy": {"address": ["10.88.7.0/30", "fd00:8::/64"]}}'
	denied policy.address 8080:80 address=10.88.7.4
	denied policy.address 8080:80 address=fd00:7::3
	publish web 8080:80 address=10.88.7.3
	assert_rule host "$(leads_to 10.88.7.3 80)"
}

@test "more ports than policy.max_ports are refused, with ranges counted by port" {
	config '{"policy": {"max_ports": 10}}'
	denied policy.max_ports 8080-8090:80-90
	denied policy.max_ports 8080-8088:80-88,53:53/udp,54:54/udp
	publish web 8080-8088:80-88,53:53/udp
}

@test "with localhost false a mapping on 127.x is refused, and a wildcard leaves loopback alone" {
	config '{"localhost": false}'
	denied localhost 127.0.0.1:8080:80
	denied localhost 127.9.9.9:8080:80
	publish web 8080:80
	assert_rule host natmap:web:8080
	assert_no_rule host '-d 127.0.0.1/32'
	assert_no_rule host '-s 127.0.0.0/8'
	assert_no_rule host natmap:@localnet
	sysctl_is host ipv4/conf/br0/route_localnet 0
}

@test "a broken file stops a publish, and the message names the file and the place" {
	broken 'not valid JSON' '{'
	broken 'not valid JSON' ''
	broken 'not valid JSON' '{"backend": "iptables"} {}'
	broken 'expected' '[]'
	broken 'hairpin' '{"hairpin": "yes"}'
	broken 'policy.max_ports' '{"policy": {"max_ports": -1}}'
	broken 'policy.max_ports' '{"policy": {"max_ports": "10"}}'
	broken 'policy.host_ports' '{"policy": {"host_ports": "1024-"}}'
	broken 'policy.host_ports' '{"policy": {"host_ports": 80}}'
	broken 'policy.reserved_ports' '{"policy": {"reserved_ports": "0-70000"}}'
	broken 'policy.address[1]' '{"policy": {"address": ["10.0.0.0/8", "10.0.0.0/33"]}}'
	broken 'policy.host_addresses' '{"policy": {"host_addresses": "10.0.0.1"}}'
	broken 'ip_forward.ipv4' '{"ip_forward": {"ipv4": "on"}}'
	broken 'listener_check' '{"listener_check": "maybe"}'
	broken 'conflict_check' '{"conflict_check": "maybe"}'
	broken 'dynamic_ports' '{"dynamic_ports": "65535-61000"}'
	broken 'lock_timeout_ms' '{"lock_timeout_ms": 0}'
}

@test "an unknown key, or one given twice, is an error that names it" {
	broken 'polcy' '{"polcy": {}}'
	broken 'policy.host_port' '{"policy": {"host_port": "1024-65535"}}'
	broken 'ip_forward.ipv5' '{"ip_forward": {"ipv5": "set"}}'
	broken 'hairpin' '{"hairpin": true, "hairpin": false}'
}

@test "a backend that does not exist is refused" {
	broken backend '{"backend": "ipchains"}'
	config '{"backend": "iptables"}'
	publish web 8080:80
}

@test "a mistake in static is only a notice for a container" {
	config '{"static": {"dnat": [{"name": "mail", "portz": "25"}]}}'
	syslog_start
	publish web 8080:80
	wait_for syslog_has "$NM_TMP/natmap.json: static.dnat[0].portz: unknown key, ignored"
	config '{"hairpin": "yes", "static": []}'
	publish rc=2 other 8081:80
	assert "$stderr" has hairpin
}

@test "a withdraw does not care about the configuration" {
	publish web 8080:80
	config '{ "broken'
	withdraw web
	publish rc=2 web 8080:80
	config '{}'
	publish web 8080:80
	config '{"polcy": 1}'
	chmod 0666 "$NM_TMP/natmap.json"
	withdraw web
	config '{}'
	assert_clean
}

@test "comments in the file are allowed" {
	config $'{ // the default\n"backend": /* or */ "iptables" }'
	publish web 8080:80
}

@test "a file that others can write is refused" {
	local mode
	config '{}'
	for mode in 0602 0620 0666; do
		chmod "$mode" "$NM_TMP/natmap.json"
		publish rc=2 web 8080:80
		assert "$stderr" has "'$NM_TMP/natmap.json': writable by others"
	done
	chmod 0644 "$NM_TMP/natmap.json"
	publish web 8080:80
}

@test "a file of another user is refused" {
	config '{}'
	chown 65534 "$NM_TMP/natmap.json"
	publish rc=2 web 8080:80
	assert "$stderr" has "$NM_TMP/natmap.json"
}

@test "a file given with --config must be there and be a regular file" {
	local file pid
	pid=$(ctr_start web)
	mkfifo "$NM_TMP/fifo"
	for file in "$NM_TMP/none.json" "$NM_TMP" "$NM_TMP/fifo"; do
		run_natmap rc=2 --config "$file" hook createRuntime < <(state web "$pid" creating io.natmap.ports=8080:80)
		assert "$stderr" has "'$file'"
	done
	assert_no_state
}

@test "IPv4 forwarding stays off for all by default; with set it is switched on, and stays on" {
	set_sysctl host ipv4/ip_forward 0
	publish web 8080:80
	sysctl_is host ipv4/ip_forward 0
	withdraw web
	config '{"ip_forward": {"ipv4": "set"}}'
	publish web 8080:80
	sysctl_is host ipv4/ip_forward 1
	withdraw web
	sysctl_is host ipv4/ip_forward 1
}

@test "with ip_forward.ipv4 check and forwarding off, a publish fails with the command to run" {
	config '{"ip_forward": {"ipv4": "check"}}'
	set_sysctl host ipv4/ip_forward 0
	local before
	before=$(snapshot host)
	publish rc=1 web 8080:80
	assert "$stderr" has 'sysctl -w net.ipv4.ip_forward=1'
	same "the host" "$before" "$(snapshot host)"
	publish web '[::]:8080:80'
	sysctl_is host ipv4/ip_forward 0
	set_sysctl host ipv4/ip_forward 1
	publish web 8080:80
}

@test "with IPv6 forwarding off a wildcard is published on IPv4 alone" {
	set_sysctl host ipv6/conf/all/forwarding 0
	publish web 8080:80
	assert "$(rules host)" lacks fd00:7::2
	assert_rule host "$(leads_to 10.88.7.2 80)"
	sysctl_is host ipv6/conf/all/forwarding 0
	publish rc=1 six '[::]:8081:80'
	assert "$stderr" has 'sysctl -w net.ipv6.conf.all.forwarding=1'
}

@test "with ip_forward.ipv6 set, IPv6 forwarding is switched on and router advertisements stay accepted" {
	config '{"ip_forward": {"ipv6": "set"}}'
	set_sysctl host ipv6/conf/all/forwarding 0
	set_sysctl host ipv6/conf/up0/accept_ra 1
	set_sysctl host ipv6/conf/br0/accept_ra 1
	on host ip -6 route add default via fd00:99::2 dev up0 proto ra
	publish web '[::]:8080:80'
	sysctl_is host ipv6/conf/all/forwarding 1
	sysctl_is host ipv6/conf/up0/accept_ra 2
	sysctl_is host ipv6/conf/br0/accept_ra 1
	assert "$(on host ip -6 route show default)" has fd00:99::2
}
