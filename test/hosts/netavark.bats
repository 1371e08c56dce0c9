#!/usr/bin/env bats
# Beside netavark, which is podman's: ports, and networks that it keeps apart.
# packages: netavark iptables

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

# driver: netavark 1.4 has the one for iptables alone, and the default of later ones is that for nftables
driver() {
	[[ "$NM_RELEASE" = bookworm ]] && echo iptables || echo nftables
}

# shop_answers: the port that netavark publishes is reached as before
shop_answers() {
	assert_reach shop ext tcp 192.0.2.1 9080
	assert_reach shop host tcp 127.0.0.1 9080
	assert_reach shop ctr tcp 192.0.2.1 9080
}

# shop_here: such a container, which is another neighbour of natmap's
shop_here() {
	netavark_up shop 91 2 9080 "$(driver)"
	wait_for reach ext tcp 192.0.2.1 9080
	NM_WAYS+=$'\n'"a container of netavark's:$(netns_there shop):192.0.2.1"
}

@test "netavark before natmap" {
	local theirs
	shop_here
	theirs=$(theirs)
	publish web 8080:80
	judge "netavark, natmap"
	shop_answers
	leaves_all_as_it_was "$theirs"
}

# bats test_tags=long
@test "netavark after natmap" {
	publish web 8080:80
	shop_here
	judge "natmap, netavark"
	shop_answers
	netavark teardown shop 91 2 9080 "$(driver)"
	NM_WAYS=${NM_WAYS%$'\n'*}
	judge "natmap, netavark, its port withdrawn"
	leaves_all_as_it_was
}

# bats test_tags=long
@test "netavark publishes the same port" {
	netavark_up shop 91 2 8080 "$(driver)"
	contend 'netavark, natmap with the same port'
	netavark teardown shop 91 2 8080 "$(driver)"
	publish web 8080:80
	netavark_up other 91 3 8080 "$(driver)"
	judge 'natmap, netavark with the same port' 'all|.*, told by check and doctor; .*'
}

@test "natmap's port leads to a container of netavark's, from another network that is kept apart" {
	local isolate='"isolate": "strict"'
	[[ "$NM_RELEASE" != bookworm ]] || isolate='"isolate": "true"'
	netavark_up shop 91 2 9080 "$(driver)" "$isolate"
	netavark_up home 92 2 9081 "$(driver)" "$isolate"
	NM_WAYS="the network IPv4:ext:192.0.2.1
the host IPv4:host:192.0.2.1
127.0.0.1:host:127.0.0.1
itself:$(netns_there home):192.0.2.1
a container of the other network:$(netns_there shop):192.0.2.1"
	export NM_ANSWER=home
	publish web 8080:80 pid="$(process_in "$(netns_there home)")"
	publish shop 8081:80 pid="$(process_in "$(netns_there shop)")"
	judge "netavark, natmap's container in a network kept apart" \
		'all|not from a container of the other network, told by check and doctor; what doctor prints mends it'
}
