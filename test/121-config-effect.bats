#!/usr/bin/env bats
# What the configuration changes in what is published: listeners, free ports, masquerading.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap

# hairpin_is on|off: the mode of the container's bridge port
hairpin_is() {
	assert "$(on host bridge -d link show dev vctr)" has "hairpin $1"
}

# list_ports ID
list_ports() {
	run_natmap list --json "$1" >/dev/null && jq -r '.containers[].ports | join(",")' <<<"$output"
}

# bats test_tags=once
@test "a port on which a local process listens on that very address is taken" {
	serve host tcp 192.0.2.1:8080
	serve host tcp '[fd00:99::1]:8081'
	serve host udp 192.0.2.1:53
	local before
	before=$(snapshot host)
	publish rc=4 web 192.0.2.1:8080:80
	assert "$stderr" has 'port 8080'
	publish rc=4 web '[fd00:99::1]:8081:80'
	publish rc=4 web 192.0.2.1:53:53/udp
	publish rc=4 web 192.0.2.1:8070-8090:70-90
	assert "$stderr" has 'port 8080'
	same "the host" "$before" "$(snapshot host)"
	run_natmap list
	assert "$output" = ""
}

# bats test_tags=once
@test "a wildcard is taken by a local process that listens on all addresses" {
	serve host tcp 8080
	serve host udp 53
	publish rc=4 web 8080:80
	publish rc=4 web 53:53/udp
	publish rc=4 web '[::]:8080:80'
	publish rc=4 web 0.0.0.0:8080:80
}

# bats test_tags=once
@test "a local process on another address, port or protocol, or in the container, does not matter" {
	serve host tcp 192.0.2.1:8080
	serve ctr tcp 8080
	serve ext tcp 8080
	publish web 192.0.2.3:8080:80,127.0.0.1:8080:80,192.0.2.1:8080:80/udp,192.0.2.1:8079:80
	withdraw web
	publish web '[::]:8080:80'
}

# bats test_tags=once
@test "with listener_check warn or off a local listener does not stop a publish" {
	serve host tcp 192.0.2.1:8080
	local mode
	for mode in warn off; do
		config "{\"listener_check\": \"$mode\"}"
		publish web 192.0.2.1:8080:80
		assert_rule host natmap:web:8080
		withdraw web
	done
}

# bats test_tags=once
@test "host port 0 takes a free port of dynamic_ports, and a repeated hook keeps it" {
	config '{"dynamic_ports": "61500-61501"}'
	publish one 0:80
	local first
	first=$(list_ports one)
	assert "$first" =~ ^6150[01]:80/tcp$
	publish one 0:80
	assert "$(list_ports one)" = "$first"
	publish two 0:80
	assert "$(list_ports two)" =~ ^6150[01]:80/tcp$
	assert "$(list_ports two)" != "$first"
	publish rc=4 three 0:80
	assert "$stderr" has 61500-61501
	publish three 0:80/udp
}

# bats test_tags=once
@test "a free port is none that a local process listens on or that the policy reserves" {
	config '{"dynamic_ports": "61500-61502", "policy": {"reserved_ports": "61501"}}'
	serve host tcp 61500
	publish web 0:80
	assert "$(list_ports web)" = 61502:80/tcp
}

# bats test_tags=once
@test "several free ports of one container differ, and explicit ones are passed over" {
	config '{"dynamic_ports": "61500-61502"}'
	publish web 61501:1 0:80 0:81
	assert "$(list_ports web | tr , '\n' | cut -d : -f 1 | sort -u | wc -l)" -eq 3
}

@test "by default neighbours and the container itself are masqueraded and the bridge port reflects" {
	hairpin_is off
	publish web 8080:80
	assert_rule host "$(masquerades 10.88.7.0/24 10.88.7.2)"
	assert_rule host "$(masquerades fd00:7::/64 fd00:7::2)"
	hairpin_is on
	withdraw web
	hairpin_is off
}

@test "with hairpin false there is neither the masquerading nor the bridge port's mode" {
	config '{"hairpin": false}'
	publish web 8080:80
	assert_no_rule host "$(masquerades 10.88.7.0/24 10.88.7.2)"
	assert_no_rule host "$(masquerades fd00:7::/64 fd00:7::2)"
	assert_rule host "$(masquerades 127.0.0.0/8 10.88.7.2)"
	hairpin_is off
}

# bats test_tags=once
@test "a bridge port that reflected before does so after" {
	on host bridge link set dev vctr hairpin on
	publish web 8080:80
	withdraw web
	hairpin_is on
}

@test "with masquerade_all the container sees the host, not the client" {
	config '{"masquerade_all": true}'
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	assert_rule host "$(in_nftables && masquerades 0.0.0.0/0 10.88.7.2 || masquerades 10.88.7.2)"
	assert_reach 'web 10.88.7.1' ext tcp 192.0.2.1 8080
	assert_reach 'web fd00:7::1' ext tcp fd00:99::1 8080
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 8080
}
