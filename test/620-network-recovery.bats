#!/usr/bin/env bats
# What has become of a network that natmap has made: reload makes what is missing, check names it, gc and reload take away what
# nobody has, flush takes all.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/network
load helpers/recovery

setup() {
	net_up
	network
}

# port_of ID: the host's end of its pair
port_of() {
	on host ip -o link show type veth | sed -En "s/^[0-9]+: (nm[0-9a-f]{12})@.*alias natmap:$1( .*|\$)/\1/p"
}

# host_has: rules, settings, addresses and routes of the host
host_has() {
	snapshot host
	on host ip -o address
	on host ip route show table all
	on host ip -6 route show table all
}

# works ID PORT: the container is reached, and reaches the outside, in both families
works() {
	assert_reach "$1 192.0.2.2" ext tcp 192.0.2.1 "$2" || return 1
	assert_reach "$1 fd00:99::2" ext tcp fd00:99::1 "$2" || return 1
	assert_reach "$1 10.86.0.1" host tcp 127.0.0.1 "$2" || return 1
	assert_reach 'out 192.0.2.1' "$1" tcp 192.0.2.2 7000 || return 1
	assert_reach 'out fd00:99::1' "$1" tcp fd00:99::2 7000
}

# web_and_db: two containers, one with a port
web_and_db() {
	serve ext tcp 7000 'out %p'
	box web db
	publish web 8080:80 network=bridge
	publish db network=bridge
	serve web tcp 80 'web %p'
	serve db tcp 90 'db %p'
	web=$(port_of web) db=$(port_of db)
}

# names TEXT...: check finds differences of the network alone, each of these texts is in one of them, and there are no more
names() {
	local text
	differs network || return 1
	for text; do
		assert "$output" has "$text" 'what check finds' || return 1
	done
	assert "$(grep -o '"kind"' <<<"$output" | wc -l)" -eq $# "differences: $output"
}

@test "reload makes what is missing of a network, check names it, and both are silent when all is right" {
	local web db row damage ip4 ip6
	web_and_db
	works web 8080
	agrees
	ip4=$(address_of web 4) ip6=$(address_of web 6)
	while IFS='|' read -r damage row; do
		# shellcheck disable=SC2086 # a list of words
		on $damage || return 1
		IFS='|' read -ra row <<<"$row"
		names "${row[@]}" || fail "after $damage" || return 1
		run_natmap reload
		agrees || fail "after $damage" || return 1
		works web 8080 || fail "after $damage" || return 1
		assert_reach "db $ip4" web tcp "$(address_of db 4)" 90 || return 1
	done <<-END
		host ip link set natmap0 down|bridge 'natmap0' is down|'natmap0' does not have its address fd00:86::1/64
		host ip address del 10.86.0.1/24 dev natmap0|bridge 'natmap0' does not have its address 10.86.0.1/24
		host sysctl -qw net.ipv6.conf.natmap0.accept_ra=2|net/ipv6/conf/natmap0/accept_ra is 2
		host sysctl -qw net.ipv6.conf.natmap0.disable_ipv6=1|disable_ipv6 is 1|not have its address fd00:86::1/64
		host ip link set $web nomaster|interface '$web' of container 'web' is not on bridge 'natmap0'
		host ip link set $web down|interface '$web' of container 'web' is down
		host bridge link set dev $web isolated on|isolation of interface '$web' of container 'web' is on
		host bridge link set dev $web hairpin off|hairpin mode of interface '$web' of container 'web' is off
		host ip link set $web alias other|interface '$web' is not that of container 'web'
		web ip address del $ip4/24 dev eth0|container 'web' does not have its address $ip4/24|'web' has no IPv4 default route
		web ip address del $ip6/64 dev eth0|container 'web' does not have its address $ip6/64
		web ip route del default|container 'web' has no IPv4 default route
		web ip -6 route del default|container 'web' has no IPv6 default route
		web ip link set eth0 down|'eth0' of container 'web' is down|does not have its address $ip6/64|no IPv4 default|no IPv6 default
		web ip link del eth0|interface '$web' of container 'web' is missing|its address $ip4|its address $ip6|no IPv4|no IPv6
	END
	links_are "$(printf '%s\n' natmap0 "$web" "$db" | sort | xargs)"
}

@test "reload makes a bridge that was deleted, a pair that was moved away, and rules that were flushed with them" {
	local web db ip4
	web_and_db
	ip4=$(address_of web 4)
	on host ip link del natmap0
	run_natmap rc=3 check --json
	assert "$output" has "bridge 'natmap0' is missing"
	assert "$output" has "interface '$web' of container 'web' is not on bridge 'natmap0'"
	run_natmap reload
	agrees
	works web 8080
	assert_reach "db $ip4" web tcp "$(address_of db 4)" 90
	# all at once, with what is left of the pair elsewhere
	on host nft flush ruleset
	on host ip link del natmap0
	on host ip link set "$web" netns "$NM_NS-ext"
	run_natmap reload
	agrees
	works web 8080
	assert_reach "db $ip4" web tcp "$(address_of db 4)" 90
	assert "$(address_of web 4)" = "$ip4"
	refute on ext ip link show "$web"
	end_box web db
	links_are
	assert_clean
}

@test "where the host does not forward, a bridge that was deleted comes back closed, by reload and by the next hook" {
	setting ipv4/ip_forward 0
	box web db
	publish web 8080:80 network=bridge
	serve web tcp 80 'web %p'
	on host ip link del natmap0
	run_natmap reload
	agrees
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	on host ip link del natmap0
	publish db 8081:80 network=bridge
	serve db tcp 80 'db %p'
	assert_reach 'db 192.0.2.2' ext tcp 192.0.2.1 8081
	run_natmap reload
	agrees
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	assert_reach 'db 192.0.2.2' ext tcp 192.0.2.1 8081
	end_box web db
	assert_clean
	assert "$(setting ipv4/conf/up0/forwarding)" = 0
}

@test "where the host does not forward, the last container takes the bridge's guard with it, by hook, gc and reload" {
	local how
	setting ipv4/ip_forward 0
	ctr_start keep ctr2
	publish keep 8081:80
	for how in hook gc reload; do
		box web
		publish web 8080:80 network=bridge
		unbox web
		if [[ $how = hook ]]; then
			withdraw web
		else
			run_natmap "$how"
		fi
		assert_no_rule host natmap:@forward/natmap0
		agrees
	done
	withdraw keep
	assert_clean
}

@test "what a container has changed itself is its own, and what somebody else has put in the place of natmap's stays" {
	local web db ip4 index
	web_and_db
	ip4=$(address_of web 4)
	on web ip link add tun9 type veth peer name tun8
	on web ip link set tun9 up
	on web ip address add 10.99.0.1/24 dev tun9
	on web ip route add 10.98.0.0/16 via 10.99.0.2
	on host ip link set "$web" nomaster
	on web ip address del "$ip4/24" dev eth0
	run_natmap reload
	agrees
	works web 8080
	assert "$(on web ip route)" has '10.98.0.0/16 via 10.99.0.2'
	# a foreign bridge of the name is told, and not touched; nor is it flushed
	on host ip link del natmap0
	on host ip link add natmap0 type bridge
	on host ip link set natmap0 up
	index=$(on host ip -o link show natmap0)
	run_natmap reload
	run_natmap rc=3 check
	assert "$output" has "interface 'natmap0' is not the bridge that natmap has made"
	run_natmap rc=1 doctor
	assert "$output" has "interface 'natmap0' is not the bridge that natmap has made"
	run_natmap flush --force
	assert "$(on host ip -o link show natmap0)" = "$index"
	links_are natmap0
}

@test "networks of dead containers and of none go with gc and with reload, and the last takes the bridge" {
	local way kept
	for way in gc reload; do
		box web db
		publish web 8080:80 network=bridge
		publish db network=bridge
		kept=$(port_of db)
		ctr_stop web # the namespace stays, and the pair with it
		run_natmap rc=3 check
		assert "$output" has "container 'web' is gone"
		run_natmap "$way"
		links_are natmap0 "$kept"
		agrees
		# a kill between state and links
		on host ip link add nmffffffffffff type veth peer name other
		on host ip link set nmffffffffffff alias natmap:nobody
		on host ip link add natmap9 type bridge
		on host ip link set natmap9 alias natmap
		names "interface 'nmffffffffffff' of 'natmap:nobody' is of no recorded container" \
			"interface 'natmap9' of 'natmap' is of no recorded container"
		run_natmap "$way"
		links_are natmap0 "$kept" || fail "after $way"
		ctr_stop db
		run_natmap "$way"
		links_are
		agrees
		ctr_start web web >/dev/null && ctr_start db db >/dev/null && unbox web db
	done
}

# mend_traced: lets reload give web its address again, and prints how many answers of the kernel it reads with the lock
mend_traced() {
	on web ip address del "$(address_of web 4)/24" dev eth0
	# shellcheck disable=SC2034 # run_natmap uses it
	local NM_WRAP=(strace -o "$NM_TMP/calls" -e 'trace=flock,recvfrom')
	run_natmap reload >&2 || return 1
	assert "$(on web ip -4 address show dev eth0)" has "$(address_of web 4)/24" || return 1
	awk '/LOCK_UN/ { held = 0 } held && /^recvfrom/ { n++ } /LOCK_EX/ { held = 1 } END { print n + 0 }' "$NM_TMP/calls"
}

# bats test_tags=once
@test "with the lock, reload does not read what a container has beside its network" {
	local few many
	web_and_db
	run_natmap reload # after which another one reads no rules
	few=$(mend_traced)
	assert "$few" -gt 0 'answers'
	seq -f 'link add d%.0f type bridge' 300 | ip_batch web
	many=$(mend_traced)
	assert "$many" -eq "$few" 'answers that are read with the lock'
}

# bats test_tags=once
@test "gc takes away the network of a dead container, however many others have lost their addresses" {
	local n
	for n in 1 2 3 4 5; do
		publish "other$n" "808$n:80"
	done
	box web
	publish web network=bridge
	unbox web
	on ctr ip address flush dev eth0 scope global
	run_natmap gc
	assert "$output" = web
	links_are
}

@test "with the state lost, and after a boot, reload takes away what nobody has, and the next network is made" {
	local web db
	web_and_db
	rm "$NM_TMP/state/state"
	run_natmap rc=1 reload # the rules of containers are there
	on host nft flush ruleset
	run_natmap reload
	links_are
	agrees
	unbox web db
	box web
	publish web 8080:80 network=bridge
	serve web tcp 80 'web %p'
	works web 8080
	# another boot: the state counts as empty
	sed -i '1s/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/' "$NM_TMP/state/state"
	on host nft flush ruleset
	run_natmap reload
	links_are
	assert "$(live_ids)" = ''
	agrees
}

@test "flush refuses while containers live, and forced leaves the host as it was" {
	local before
	run_natmap reload
	run_natmap flush
	before=$(host_has)
	web_and_db
	run_natmap rc=1 flush
	assert "$stderr" has '2 containers are published'
	works web 8080
	run_natmap flush --force
	links_are
	same 'the host' "$before" "$(host_has)"
	refute on web ip link show eth0
	assert "$(live_ids)" = ''
	# what is left of a network without a record
	on host ip link add natmap0 type bridge
	on host ip link set natmap0 alias natmap
	run_natmap flush
	links_are
}

@test "a container that runs keeps its network when the configuration has another one; new ones get that, or are refused" {
	local web db ip4 members
	web_and_db
	ip4=$(address_of web 4)
	# another bridge
	network '"bridge": "other0", "subnets": ["10.87.0.0/24"]'
	publish stage=poststart web 8080:80 network=bridge status=running
	assert "$(address_of web 4)" = "$ip4"
	box new
	publish new 8081:80 network=bridge
	serve new tcp 80 'new %p'
	assert "$(address_of new 4)" =~ '^10\.87\.0\.'
	assert_reach 'new 192.0.2.2' ext tcp 192.0.2.1 8081
	assert_reach 'out 192.0.2.1' new tcp 192.0.2.2 7000
	works web 8080
	agrees
	on host ip link set "$web" nomaster
	run_natmap reload
	agrees
	works web 8080
	end_box new
	# the same bridge, with other subnets, or isolated
	for members in '"subnets": ["10.87.0.0/24", "fd00:86::/64"]' '"subnets": ["10.86.0.0/25"]' '"isolate": true'; do
		network "$members"
		box new
		publish rc=5 new network=bridge
		assert "$stderr" has "bridge 'natmap0': container '"
		publish web 8080:80 network=bridge
		publish stage=poststart db network=bridge status=running
		agrees
		works web 8080
		unbox new
	done
	links_are "$(printf '%s\n' natmap0 "$web" "$db" | sort | xargs)"
	# once they have ended
	end_box web db
	network '"subnets": ["10.87.0.0/24"]'
	box web
	publish web network=bridge
	assert "$(address_of web 4)" =~ '^10\.87\.0\.'
	agrees
	end_box web
	links_are
}

@test "doctor tells what keeps the next network away, and who has a part of this one; list and metrics have it" {
	on host ip route add 10.86.0.128/25 via 192.0.2.2
	run_natmap rc=1 doctor
	assert "$output" has "bridge 'natmap0': its subnet '10.86.0.0/24' overlaps the host's route to '10.86.0.128/25'"
	on host ip route del 10.86.0.128/25
	run_natmap doctor
	local web db
	web_and_db
	run_natmap doctor
	on host ip route add 10.86.0.128/25 via 192.0.2.2
	on web ip route del default
	run_natmap rc=1 doctor
	assert "$output" has "bridge 'natmap0': its subnet '10.86.0.0/24' overlaps the host's route to '10.86.0.128/25'"
	assert "$output" has "container 'web' has no IPv4 default route"
	run_natmap list
	assert "$output" =~ "web  +8080:80/tcp  running  +0  $(address_of web 4) $(address_of web 6) on natmap0"
	assert "$output" =~ "db  +-  +running  +-  $(address_of db 4) $(address_of db 6) on natmap0"
	run_natmap list --json db
	assert "$output" has '"network":{"bridge":"natmap0"'
	assert "$output" has '"mappings":[]'
	run_natmap metrics
	assert "$output" has 'natmap_network_containers{bridge="natmap0"} 2'
	assert "$output" has 'natmap_differences{kind="network"} 1'
}
