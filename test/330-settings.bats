#!/usr/bin/env bats
# Settings of the host: forwarding, route_localnet and its guard, hairpin mode of bridge ports, accept_ra.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, which sets $stderr

load helpers/natmap
load helpers/recovery

# setting NAME [VALUE]: prints net/NAME of the host, or sets it
setting() {
	if [[ $# = 1 ]]; then
		on host cat "/proc/sys/net/$1"
	else
		on host sh -c "echo $2 >/proc/sys/net/$1"
	fi
}

localnet=ipv4/conf/br0/route_localnet

# localnet_is VALUE: route_localnet of the bridge; the guard is there with 1, and not with 0
localnet_is() {
	assert "$(setting $localnet)" = "$1" route_localnet || return 1
	if [[ $1 = 1 ]]; then
		assert_rule host "$(guards br0)"
	else
		assert_no_rule host "$(guards br0)"
	fi
}

# hairpin_of PORT: on or off
hairpin_of() {
	on host bridge -d link show dev "$1" | sed -n 's/.*hairpin \([a-z]*\).*/\1/p'
}

# links COMMAND...: each an `ip link` command on the host, all in one call
links() {
	printf 'link %s\n' "$@" | on host ip -batch -
}

# index_of INTERFACE: its number
index_of() {
	on host ip -o link show dev "$1" | cut -d : -f 1
}

# bats test_tags=once
@test "forwarding is switched on by a publish and never back" {
	config '{"ip_forward": {"ipv4": "set"}}'
	setting ipv4/ip_forward 0
	serve ctr tcp 80 web
	publish web 8080:80
	assert "$(setting ipv4/ip_forward)" = 1
	assert_reach web ext tcp 192.0.2.1 8080
	withdraw web
	assert "$(setting ipv4/ip_forward)" = 1
}

# bats test_tags=once
@test "a refused publish leaves forwarding as it was" {
	publish web 8080:80
	setting ipv4/ip_forward 0
	publish rc=4 other 8080:81
	publish rc=5 third 8080:81:82:83
	assert "$(setting ipv4/ip_forward)" = 0
}

@test "ip_forward check: IPv4 fails with the command to run, IPv6 is left out" {
	config '{"ip_forward": {"ipv4": "check", "ipv6": "check"}}'
	setting ipv6/conf/all/forwarding 0
	publish web 8080:80
	assert_rule host "$(leads_to 10.88.7.2 80)"
	assert_no_rule host "$(leads_to fd00:7::2 80)"
	assert "$(setting ipv6/conf/all/forwarding)" = 0
	withdraw web
	setting ipv4/ip_forward 0
	publish rc=1 web 8080:80
	assert "$stderr" has 'sysctl -w net.ipv4.ip_forward=1'
	assert "$(setting ipv4/ip_forward)" = 0
	assert_clean
}

# bats test_tags=once
@test "IPv6 forwarding, set, keeps router advertisements on interfaces that live by them, and on no others" {
	config '{"ip_forward": {"ipv6": "set"}}'
	setting ipv6/conf/all/forwarding 0
	setting ipv6/conf/up0/accept_ra 1
	setting ipv6/conf/br0/accept_ra 1
	on host ip -6 route add default via fd00:99::2 dev up0 proto ra
	serve ctr tcp 80 web
	publish web 8080:80
	assert "$(setting ipv6/conf/all/forwarding)" = 1
	assert "$(setting ipv6/conf/up0/accept_ra)" = 2
	assert "$(setting ipv6/conf/br0/accept_ra)" = 1
	assert_reach web ext tcp fd00:99::1 8080
	withdraw web
	assert "$(setting ipv6/conf/all/forwarding)" = 1
	assert "$(setting ipv6/conf/up0/accept_ra)" = 2
}

# bats test_tags=once
@test "router advertisements are kept on each interface of a route with several" {
	config '{"ip_forward": {"ipv6": "set"}}'
	setting ipv6/conf/all/forwarding 0
	setting ipv6/conf/up0/accept_ra 1
	setting ipv6/conf/br0/accept_ra 1
	on host ip -6 route add default proto ra nexthop via fd00:99::2 dev up0 nexthop via fd00:7::3 dev br0
	publish web 8080:80
	assert "$(setting ipv6/conf/up0/accept_ra)" = 2
	assert "$(setting ipv6/conf/br0/accept_ra)" = 2
}

# bats test_tags=once
@test "an interface that ignores router advertisements goes on to do so" {
	config '{"ip_forward": {"ipv6": "set"}}'
	setting ipv6/conf/all/forwarding 0
	setting ipv6/conf/up0/accept_ra 0
	on host ip -6 route add default via fd00:99::2 dev up0 proto ra
	publish web 8080:80
	assert "$(setting ipv6/conf/all/forwarding)" = 1
	assert "$(setting ipv6/conf/up0/accept_ra)" = 0
}

@test "route_localnet and its guard come with the first container and go with the last, whichever that is" {
	local first last
	ctr_start two ctr2
	for last in one two; do
		first=$([[ $last = one ]] && echo two || echo one)
		localnet_is 0
		publish one 8081:80
		localnet_is 1
		publish two 127.0.0.1:8082:80
		localnet_is 1
		withdraw "$first"
		localnet_is 1
		withdraw "$last"
		localnet_is 0
	done
	assert_clean
}

@test "a container without a mapping on loopback does not need route_localnet" {
	publish web 192.0.2.1:8080:80 '[::]:8081:80'
	localnet_is 0
	publish two 8082:80
	localnet_is 1
	withdraw two
	localnet_is 0
}

@test "route_localnet that the administrator had set stays, and is guarded meanwhile" {
	setting $localnet 1
	publish one 8081:80
	publish two 8082:80
	localnet_is 1
	withdraw one
	localnet_is 1
	withdraw two
	assert "$(setting $localnet)" = 1
	assert_no_rule host "$(guards br0)"
	publish web 8080:80
	config "{\"backend\": \"$(in_nftables && echo iptables || echo nftables)\"}"
	ctr_start other ctr2
	publish other 8081:80
	withdraw other
	withdraw web
	assert "$(setting $localnet)" = 1 "with two backends"
}

@test "a hook that runs twice puts route_localnet back once, and a replacement does, too" {
	publish web 8081:80
	publish stage=poststart web 8081:80
	localnet_is 1
	publish web 8082:80
	localnet_is 1
	publish web 192.0.2.1:8082:80
	localnet_is 0
	publish web 8082:80
	localnet_is 1
	withdraw web
	localnet_is 0
}

@test "a taken over container's route_localnet is put back by its heir" {
	publish old 8080:80
	ctr_stop old
	publish new 8080:80
	localnet_is 1
	withdraw old
	localnet_is 1
	withdraw new
	localnet_is 0
}

@test "the guard stands before route_localnet is on: nothing is set when the rules cannot be written" {
	# An inconsistent chain of the administrator's: as a base chain it cannot be jumped to.
	local table=nat chain=NATMAP
	! in_nftables || { table=natmap && chain=translate; }
	on host nft add table ip $table
	on host nft "add chain ip $table $chain { type nat hook prerouting priority 5; }"
	publish rc=1 web 8080:80
	localnet_is 0
	assert "$(hairpin_of vctr)" = off
}

@test "what sysctl --system resets comes back with a reload, and meanwhile no guard is missing" {
	on host sysctl -qw net.ipv4.ip_forward=0
	publish web 8080:80
	on host sysctl -qw net.ipv4.conf.br0.route_localnet=0 net.ipv4.conf.up0.forwarding=0 net.ipv4.conf.br0.forwarding=0
	differs setting # no rule
	run_natmap reload
	agrees
	serve ctr tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
}

@test "with settings that are right already or not needed, a read-only /proc/sys does not matter" {
	read_only_settings
	publish other 192.0.2.1:8081:81
	setting $localnet 1
	serve ctr tcp 80 web
	publish web 8080:80
	assert_reach web host tcp 127.0.0.1 8080
	withdraw web
	withdraw other
	assert_clean
}

@test "a setting that cannot be made fails the publish with one line, and nothing is left" {
	local before
	before=$(snapshot host)
	read_only_settings
	publish rc=1 web 8080:80
	assert "$stderr" has route_localnet
	assert "$stderr" has 'Read-only file system'
	same "the host" "$before" "$(snapshot host)"
	NM_WRAP=()
	assert_clean
	setting ipv4/ip_forward 0
	before=$(snapshot host)
	read_only_settings
	publish rc=1 web 192.0.2.1:8080:80
	assert "$stderr" has '/forwarding to 1'
	same "the host" "$before" "$(snapshot host)"
	config '{"ip_forward": {"ipv4": "set"}}'
	publish rc=1 web 192.0.2.1:8080:80
	assert "$stderr" has ip_forward
	same "the host" "$before" "$(snapshot host)"
	NM_WRAP=()
	assert_clean
	assert "$(grep -c web "$(state_dir)/state")" -eq 0 "records"
}

@test "what cannot be switched off again stays guarded, and the container is withdrawn all the same" {
	publish web 8080:80
	read_only_settings
	withdraw web
	NM_WRAP=()
	assert_no_rule host 'natmap:web:'
	assert "$(rules host)" has "natmap:@localnet/br0" "the guard"
	run_natmap list --json
	assert "$(jq '.containers | length' <<<"$output")" -eq 0
}

@test "the container's bridge port is in hairpin mode while it is published" {
	assert "$(hairpin_of vctr)" = off
	publish one 8081:80
	publish two 8082:80
	assert "$(hairpin_of vctr)" = on
	assert "$(hairpin_of vctr2)" = off
	withdraw one
	assert "$(hairpin_of vctr)" = on
	withdraw two
	assert "$(hairpin_of vctr)" = off
}

# bats test_tags=once
@test "a bridge port that was in hairpin mode before stays so" {
	on host bridge link set dev vctr hairpin on
	publish one 8081:80
	publish two 8082:80
	withdraw two
	withdraw one
	assert "$(hairpin_of vctr)" = on
}

@test "a container reaches its own published port although br_netfilter looks at bridged packets" {
	setting bridge/bridge-nf-call-iptables 1
	setting bridge/bridge-nf-call-ip6tables 1
	on host iptables -P FORWARD DROP
	serve ctr tcp 80 web
	publish web 8080:80
	assert_reach web ctr tcp 192.0.2.1 8080
	assert_reach web ctr tcp fd00:99::1 8080
	assert_reach web ctr2 tcp 192.0.2.1 8080
	setting bridge/bridge-nf-call-iptables 0
	assert_reach web ctr tcp 192.0.2.1 8080
	assert_reach web ctr2 tcp 192.0.2.1 8080
}

@test "the guard follows a bridge that is renamed: check and doctor tell, reload, gc and the next publish mend" {
	serve ctr tcp 80 web
	publish web 8080:80
	serve host tcp 127.0.0.1:7777 secret
	on ctr sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'
	on ctr ip addr del 127.0.0.1/8 dev lo
	on ctr ip route add 127.0.0.0/8 via 10.88.7.1
	assert_no_reach ctr tcp 127.0.0.1 7777 from=10.88.7.2
	local name old=br0 mend
	for mend in reload gc publish; do
		name=br-$mend
		links "set $old name $name"
		run_natmap rc=3 check
		assert "$output" has "$name" "$mend" || return 1
		run_natmap rc=1 doctor
		assert "$output" has "'$old' is '$name' now" "$mend" || return 1
		if [[ $mend = publish ]]; then
			ctr_start other ctr2
			publish other 8081:81
			assert_rule host "$(guards "$name")" || return 1
			withdraw web # the last that knows the old name; what it has switched on is now the other's to switch off
		else
			run_natmap "$mend"
			run_natmap check
			assert_reach web host tcp 127.0.0.1 8080
		fi
		assert_rule host "$(guards "$name")" && assert_no_rule host "$(guards "$old")" || return 1
		assert "$(setting "ipv4/conf/$name/route_localnet")" = 1 "$mend" || return 1
		assert_no_reach ctr tcp 127.0.0.1 7777 from=10.88.7.2 || return 1
		old=$name
	done
	withdraw other
	assert "$(setting ipv4/conf/br-publish/route_localnet)" = 0
	assert_no_rule host "$(guards br-publish)"
	assert_clean
}

@test "whoever ends a container finds its renamed interfaces, and none that has got their numbers" {
	local end index
	for end in withdraw gc flush remove; do
		publish web 8080:80
		links 'set br0 name new0' 'set vctr name new1' 'add br0 type bridge'
		setting ipv4/conf/br0/route_localnet 1 # an administrator's
		case $end in
		withdraw) withdraw web ;;
		gc) ctr_stop web && run_natmap gc ;;
		flush) run_natmap flush --force ;;
		remove) run_natmap remove web ;;
		esac
		assert "$(setting ipv4/conf/new0/route_localnet), $(setting ipv4/conf/br0/route_localnet), $(hairpin_of new1)" = \
			'0, 1, off' "$end" || return 1
		assert_no_rule host natmap:@localnet || return 1
		links 'del br0' 'set new0 name br0' 'set new1 name vctr'
	done
	publish web 8080:80
	index=$(index_of br0)
	links 'del br0' "add late index $index type bridge"
	setting ipv4/conf/late/route_localnet 1
	withdraw web
	assert "$(setting ipv4/conf/late/route_localnet)" = 1
	assert_clean
}

@test "a bridge and a port that are made anew while ports are published: what natmap switches on there goes off" {
	local how
	for how in reload 'add web 8081:81' 'remove web 8080:80'; do
		publish web 8080:80,8082:82
		links 'del br0' 'del vctr' 'add br0 type bridge' 'set br0 up' \
			"add vctr type veth peer name eth0 netns $(netns ctr)" 'set vctr master br0 up'
		on host ip address add 10.88.7.1/24 dev br0
		net_ctr_up ctr 2
		# shellcheck disable=SC2086 # these are words
		run_natmap $how
		localnet_is 1 && assert "$(hairpin_of vctr)" = on || return 1
		withdraw web
		localnet_is 0 && assert "$(hairpin_of vctr)" = off || return 1
	done
}

@test "a state that knows no numbers of interfaces is read, and completed by reload" {
	publish web 8080:80
	sed -i 's/"index":[0-9]*,//g' "$(state_dir)/state"
	run_natmap check
	assert "$output" = ""
	run_natmap reload
	assert "$(tail -n 1 "$(state_dir)/state")" has "\"localnet\":{\"interface\":\"br0\",\"index\":$(index_of br0),\"set\":true}"
	sed -i 's/"index":[0-9]*,//g' "$(state_dir)/state"
	ctr_start other ctr2
	publish other 8081:81
	withdraw web
	localnet_is 1
	assert "$(hairpin_of vctr)" = off
	withdraw other
	localnet_is 0
	assert_clean
}
