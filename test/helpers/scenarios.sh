#!/bin/bash
# scenarios.sh: what must hold with every kernel, in few commands, since a virtual machine of kernels.sh is slow: runs each
# scenario with both backends, in a network of net.bash. The last lines are one for each backend, and what the kernel said.
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/natmap.bash"
# shellcheck source=test/helpers/recovery.bash
. "$NM_TREE/test/helpers/recovery.bash"
# shellcheck source=test/helpers/everything.bash
. "$NM_TREE/test/helpers/everything.bash"

log=$(mktemp)


# A port inside is another one for each, since its server stays.
every_port_is_reached_and_withdrawn() {
	local proto
	for proto in tcp udp; do
		test_publish proto="$proto" ports=8080:80
		test_publish proto="$proto" ports=8080:81 ip=6
		test_publish proto="$proto" ports=8000-8010:9000-9010
		test_publish proto="$proto" ports=8000-8010:9100-9110 ip=6
	done
	test_publish ports=8080:82 hostip=192.0.2.1
	test_publish ports=8080:83 hostip=127.0.0.1
	test_publish ports=8080:84 hostip=fd00:99::1 ip=6
}

host_port_0_takes_a_free_port() {
	config '{"dynamic_ports": "61500-61500"}'
	serve ctr tcp 80 web
	publish web 0:80
	assert_reach web ext tcp 192.0.2.1 61500
	publish rc=4 other 0:80
	withdraw web
	publish other 0:80
	assert_reach web ext tcp fd00:99::1 61500
	withdraw other
	assert_clean
}

what_the_kernel_shows_is_what_natmap_made() {
	static_all
	run_natmap reload
	mappings
	agrees
	run_natmap doctor
	on host nft flush ruleset
	run_natmap rc=3 check
	run_natmap reload
	agrees
	withdraw web
	withdraw allowed
	config '{}'
	run_natmap flush --force
	assert "$(tags host)" = ''
}

a_flow_goes_to_the_next_container() {
	local address
	on host nft -f - <<<'add table inet other; add chain inet other input { type filter hook input priority 0; }; add rule inet other input ct state established accept'
	serve ctr udp 53 one
	serve ctr2 udp 53 two
	for address in 192.0.2.1 fd00:99::1; do
		ctr_start two ctr2
		publish one 5353:53/udp
		assert_reach one ext udp "$address" 5353 sport=7001
		withdraw one
		assert_no_reach ext udp "$address" 5353 sport=7001
		publish two 5353:53/udp
		assert_reach two ext udp "$address" 5353 sport=7001
		withdraw two
	done
}

forwarding_opens_nothing_else() {
	setting ipv4/ip_forward 0
	serve ctr tcp 80 web
	serve ctr2 tcp 90 private
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
	assert_no_reach ext tcp 10.88.7.3 90
	withdraw web
	assert "$(setting ipv4/ip_forward)" = 0
	assert_clean
}

# The host's uplink is in a VRF, and its routes to the container and back leave it. xt_addrtype never finds the addresses
# there to be local; nft's fib does in newer kernels, which a rule of another table tells.
ports_in_a_vrf_answer_where_fib_knows_it() {
	local address
	ip_batch host <<-'END'
		link add red type vrf table 10
		link set red up
		link set up0 master red
		addr add fd00:99::1/64 dev up0 nodad
		route add 10.88.7.0/24 dev br0 table 10
		route add fd00:7::/64 dev br0 table 10
		route add 192.0.2.0/24 dev up0
		route add fd00:99::/64 dev up0
	END
	on host nft -f - <<-'END'
		add table inet other
		add chain inet other prerouting { type filter hook prerouting priority -300; }
		add rule inet other prerouting iifname up0 tcp dport 8080 fib daddr type local counter
	END
	serve ctr tcp 80 web
	publish web 8080:80
	for address in 192.0.2.1 fd00:99::1; do
		reach ext tcp "$address" 8080 >"$NM_TMP/answer.$address" || :
	done
	if in_nftables && [[ "$(on host nft list chain inet other prerouting)" != *'packets 0 '* ]]; then
		echo 'fib knows it'
		assert "$(cat "$NM_TMP"/answer.*)" = $'web\nweb'
	else
		assert "$(cat "$NM_TMP"/answer.*)" = ''
	fi
}

scenarios=(every_port_is_reached_and_withdrawn host_port_0_takes_a_free_port what_the_kernel_shows_is_what_natmap_made
	a_flow_goes_to_the_next_container forwarding_opens_nothing_else
	ports_in_a_vrf_answer_where_fib_knows_it)

# try SCENARIO: says whether it holds, and what happened when it does not
try() {
	local code=0
	SECONDS=0
	net_up
	set +e
	(set -e && "$1") >"$log" 2>&1 </dev/null
	code=$?
	set -e
	net_down >>"$log" 2>&1 || code=1
	rm -r "$NM_TMP"
	if [[ $code = 0 ]]; then
		passed=$((passed + 1))
		echo "ok   $NM_BACKEND $1: $SECONDS s"
	else
		failed=$((failed + 1))
		echo "FAIL $NM_BACKEND $1"
		sed 's/^/     /' "$log"
	fi
}

for NM_BACKEND in iptables nftables; do
	passed=0 failed=0
	for scenario in "${scenarios[@]}"; do
		try "$scenario"
	done
	echo "$NM_BACKEND: $passed passed, $failed failed"
done
complaints=$(dmesg | grep -E -A 30 'WARNING:|BUG:|Oops|general protection|type=1326' || :)
echo "kernel: ${complaints:-has no complaints}"
