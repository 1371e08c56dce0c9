#!/usr/bin/env bats
# A network that natmap makes for a container: bridge, veth pair, addresses, routes; who is refused one, and what is left of it.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/lacking
load helpers/network
load helpers/recovery

setup() {
	net_up
	network
}

@test "a container has its network and its port, and all of it goes with the container" {
	local subnets families before
	remember
	serve ext tcp 90 'out %p'
	for subnets in '"10.86.0.0/24", "fd00:86::/64" 4 6' '"10.86.0.0/24" 4' '"fd00:86::/64" 6'; do
		families=${subnets#"${subnets%%\" [46]*}\" "}
		network "\"subnets\": [${subnets%" $families"}]"
		box web
		publish web 8080:80 network=bridge
		serve web tcp 80 'web %p'
		assert "$(links)" =~ '^natmap0 nm[0-9a-f]{12}$' "links of $families"
		assert "$(on host ip -d link show natmap0)" has 'alias natmap'
		assert "$(on host ip -d link show type veth)" has 'alias natmap:web'
		if [[ "$families" = *4* ]]; then
			assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
			assert_reach 'web 10.86.0.1' host tcp 127.0.0.1 8080
			assert_reach 'web 10.86.0.1' host tcp "$(address_of web 4)" 80
			assert "$(reach web tcp 192.0.2.1 8080)" has 'web 10.86.0.' 'through its own port'
			assert_reach 'out 192.0.2.1' web tcp 192.0.2.2 90
			assert_no_reach ext tcp "$(address_of web 4)" 80
		fi
		if [[ "$families" = *6* ]]; then
			assert_reach 'web fd00:99::2' ext tcp fd00:99::1 8080
			assert_reach 'web fd00:86::1' host tcp "$(address_of web 6)" 80
			assert "$(reach web tcp fd00:99::1 8080)" has 'web fd00:86:' 'through its own port'
			assert_reach 'out fd00:99::1' web tcp fd00:99::2 90
			assert_no_reach ext tcp "$(address_of web 6)" 80
		fi
		assert_reach 'web 127.0.0.1' web tcp 127.0.0.1 80
		end_box web
		host_is_as_before
	done
}

@test "containers without ports reach each other, and the bridge goes with the last of them" {
	local before
	remember
	box a b
	publish a network=bridge
	publish b network=bridge
	serve a tcp 80 'a %p'
	assert_reach "a $(address_of b 4)" b tcp "$(address_of a 4)" 80
	assert_reach "a $(address_of b 6)" b tcp "$(address_of a 6)" 80
	end_box a
	links_are natmap0 "$(port_of b)"
	end_box b
	host_is_as_before
}

@test "isolated containers do not reach each other, and their ports are reached" {
	network '"isolate": true'
	box a b
	publish a 8080:80 network=bridge
	publish b network=bridge
	serve a tcp 80 a
	assert_no_reach b tcp "$(address_of a 4)" 80
	assert_reach a ext tcp 192.0.2.1 8080
	assert_reach a host tcp "$(address_of a 4)" 80
	end_box a b
}

@test "the hook may run again, at creation and after the start, and add and remove keep the network" {
	local first
	box web
	publish web 8080:80 network=bridge
	first=$(grep '"live":1' "$NM_TMP/state/state")
	publish web 8080:80 network=bridge
	publish stage=poststart web 8080:80 network=bridge status=running
	same 'the record' "$first" "$(grep '"live":1' "$NM_TMP/state/state")"
	# what somebody has taken away meanwhile comes back
	on host ip link set "$(links | cut -d' ' -f2)" nomaster
	on web ip address flush dev eth0
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
	run_natmap add web 8081:80
	assert_reach web ext tcp 192.0.2.1 8081
	run_natmap remove web 8080:80
	assert_no_reach ext tcp 192.0.2.1 8080
	run_natmap remove web
	assert_no_reach ext tcp 192.0.2.1 8081
	assert_reach web host tcp "$(address_of web 4)" 80
	run_natmap rc=1 remove web
	assert "$stderr" has 'nothing is published for it'
	run_natmap add web 8082:80
	assert_reach web ext tcp 192.0.2.1 8082
	end_box web
	assert_clean
	links_are
}

@test "where the host does not forward, only natmap's containers have a way out, on IPv4" {
	local before
	setting ipv4/ip_forward 0
	setting ipv6/conf/all/forwarding 0
	remember
	box web
	publish web 8080:80 network=bridge
	assert "$(on web ip -6 route)" lacks default
	serve web tcp 80 web
	serve ext tcp 90 out
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach out web tcp 192.0.2.2 90
	assert_no_reach ext tcp "$(address_of web 4)" 80
	assert_no_reach ctr tcp 192.0.2.2 90
	box db # without ports
	publish db network=bridge
	assert_reach out db tcp 192.0.2.2 90
	end_box web
	assert_reach out db tcp 192.0.2.2 90
	end_box db
	assert "$(on host cat /proc/sys/net/ipv4/conf/up0/forwarding)" = 0
	host_is_as_before
}

@test "what cannot be a network is refused, and nothing is left of it" {
	local before kind value reason row
	box web
	remember
	for row in 'bridge host|expected '\''bridge'\''' 'interface eth0|does not go with io.natmap.network' \
		'address 10.86.1.2|not an address that a container can have in 10.86.0.0/24' \
		'address 10.86.0.1|not an address that a container can have' 'address 10.86.0.2,10.86.0.3|one address of each'; do
		reason=${row#*|}
		read -r kind value <<<"${row%%|*}"
		if [[ $kind = bridge ]]; then
			publish rc=5 web 8080:80 network="$value"
		else
			publish rc=5 web 8080:80 network=bridge "$kind=$value"
		fi
		assert "$stderr" has "$reason"
	done
	config '{}'
	publish rc=5 web 8080:80 network=bridge
	assert "$stderr" has 'policy.network'
	network
	publish rc=5 web network=bridge pid=$$ # of the tests, which have a network
	assert "$stderr" has "network namespace already has"
	on web ip link add eth7 type veth peer name eth8
	on web ip link set eth7 up
	publish rc=5 web 8080:80 network=bridge
	assert "$stderr" has "network namespace already has interface 'eth7'"
	on web ip link del eth7
	on host ip link add natmap0 type bridge
	publish rc=5 web 8080:80 network=bridge
	assert "$stderr" has 'that natmap has not made'
	on host ip link del natmap0
	for row in '10.88.7.0/25|address '\''10.88.7.1/24'\''' 'fd00:7::/96|address '\''fd00:7::1/64'\''' \
		'10.87.0.0/16|route to '\''10.87.3.0/24'\'''; do
		on host ip route replace 10.87.3.0/24 via 192.0.2.2
		network "\"subnets\": [\"${row%%|*}\"]"
		publish rc=5 web 8080:80 network=bridge
		assert "$stderr" has "subnet '${row%%|*}' overlaps the host's ${row#*|}"
	done
	network
	publish other 8080:80
	publish rc=4 web 8080:80 network=bridge
	withdraw other
	links_are
	assert "$(live_ids)" = ''
	same 'the host' "$before" "$(snapshot host)"
	publish web 8080:80 network=bridge
	end_box web
}

@test "addresses: stable for an id, one that is asked for, and none twice" {
	local first asked
	box a b c
	publish a network=bridge
	first=$(address_of a 4) asked=10.86.0.77
	publish b network=bridge address=$asked
	assert "$(address_of b 4)" = $asked
	publish rc=5 c network=bridge address="$first"
	assert "$stderr" has "'$first': another container has it"
	end_box a
	box a
	publish c network=bridge address="$first"
	publish a network=bridge
	assert "$(address_of a 4)" != "$first" 'while another container has it'
	end_box c
	end_box a
	box a
	publish a network=bridge
	assert "$(address_of a 4)" = "$first" 'once it is free'
	end_box a b
	# a subnet that is full
	network '"subnets": ["10.86.0.0/29"]'
	box d e f g h i
	for id in d e f g h; do
		publish "$id" network=bridge
		address_of "$id" 4
	done >"$NM_TMP/addresses"
	assert "$(grep -c '^10\.' "$NM_TMP/addresses")" -eq 5
	assert "$(grep '^10\.' "$NM_TMP/addresses" | sort -u | wc -l)" -eq 5
	publish rc=5 i network=bridge
	assert "$stderr" has "all of network.subnets '10.86.0.0/29' are taken"
	end_box d e f g h
	links_are
}

@test "a container that is started again at once, in its namespace or in a new one, has its network" {
	box web
	for _ in 1 2 3; do
		publish web 8080:80 network=bridge
		withdraw web
		publish web 8080:80 network=bridge
		serve web tcp 80 web
		assert_reach web ext tcp 192.0.2.1 8080
		end_box web
		box web
	done
	links_are
}

@test "another container of the same id is refused, as is one whose port is taken, and the network of the first one stays" {
	local before
	box web other
	ctr_start owner ctr2
	publish owner 8081:80
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	before=$(links)
	publish rc=4 web 9090:80 network=bridge bundle=/other/web pid="$(ctr_pid other)"
	assert "$(links)" = "$before" "after another bundle"
	publish rc=4 web 8081:80 network=bridge pid="$(ctr_pid other)"
	assert "$(links)" = "$before" "after a port that is taken"
	assert_reach web ext tcp 192.0.2.1 8080
	withdraw owner
	unbox other
	end_box web
	assert_clean
	links_are
}

@test "of a container that is gone its network is taken over by its id, and removed by gc" {
	local port
	box web db
	publish web 8080:80 network=bridge
	publish db network=bridge
	port=$(links)
	ctr_stop web # its named namespace stays, as that of a container whose runtime has ended
	run_natmap gc
	wait_for refute links_match "$port"
	ctr_start web web >/dev/null
	publish web 8080:80 network=bridge
	assert "$(links)" = "$port"
	unbox web
	box web
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
	# its former namespace is there still, with the other end of the pair of that name
	ctr_stop web
	box spare
	publish web 8080:80 network=bridge pid="$(ctr_pid spare)"
	serve spare tcp 80 spare
	assert_reach spare ext tcp 192.0.2.1 8080
	unbox spare db
	run_natmap gc
	assert_clean
	links_are
}

@test "the MTU is that of the default route's interface, or the configuration's" {
	on host ip link set up0 mtu 1400
	on host ip route add default via 192.0.2.2
	box web
	publish web network=bridge
	assert "$(on web ip link show eth0)" has 'mtu 1400'
	assert "$(on host ip link show natmap0)" has 'mtu 1400'
	end_box web
	network '"mtu": 1300'
	box web
	publish web network=bridge
	assert "$(on web ip link show eth0)" has 'mtu 1300'
	end_box web
}

# bats test_tags=once
@test "where a setting of IPv6 cannot be made there is no network, also without a subnet of IPv6" {
	local row
	remember
	network '"subnets": ["10.86.0.0/24"]'
	box web
	on web sysctl -qw net.ipv6.conf.default.accept_ra=1
	for row in sys:default sys/net/ipv6:natmap0; do # of the container and the host; of the host alone
		# shellcheck disable=SC2016,SC2034 # that shell's; run_natmap uses it
		NM_WRAP=(unshare -m --propagation private sh -c 'cd "/proc/$1" && shift &&
			mount --bind . . && mount -o remount,ro,bind "$PWD" && cd / && exec "$@"' sh "${row%:*}")
		publish rc=1 web 8080:80 network=bridge
		assert "$stderr" has "setting net/ipv6/conf/${row#*:}/accept_ra to 0: Read-only file system"
		host_is_as_before
	done
	lacking_settings ipv6
	publish web 8080:80 network=bridge
	end_box web
	host_is_as_before
}

@test "a bridge has 1023 ports at most" {
	local n
	box web last
	publish web network=bridge
	for ((n = 2; n <= 1023; n += 2)); do
		echo "link add d$n master natmap0 type veth peer name e$n"
		echo "link set e$n master natmap0"
	done | on host ip -batch -
	publish rc=5 last network=bridge
	assert "$stderr" has "bridge 'natmap0': it has 1023 ports"
	assert "$(live_ids)" = web
	on host ip link del d2
	publish last network=bridge
	end_box last web
	links_are
}
