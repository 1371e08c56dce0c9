#!/usr/bin/env bats
# Beside ufw: its chains and policies, and its rules about a published port.
# packages: ufw iptables

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

@test "ufw before natmap" {
	local theirs
	inbox ufw --force enable
	theirs=$(theirs)
	publish web 8080:80
	judge 'ufw, natmap'
	leaves_all_as_it_was "$theirs"
	publish web 8080:80
	inbox ufw reload
	judge 'ufw, natmap, ufw reload'
}

# bats test_tags=long
@test "ufw after natmap" {
	publish web 8080:80
	inbox ufw --force enable
	judge 'natmap, ufw' 'all|not from the network, a neighbour, itself, told by check and doctor; a reload mends it'
	inbox ufw reload
	judge 'natmap, ufw, ufw reload'
	inbox ufw --force disable
	judge 'natmap, ufw disabled'
	leaves_all_as_it_was
}

@test "rules of ufw do not close a published port, DOCKER-USER and io.natmap.allow do" {
	inbox ufw --force enable
	publish web 8080:80
	inbox ufw deny 8080
	inbox ufw deny 80
	inbox ufw route deny from any to any port 80
	inbox ufw route insert 1 deny from any to any port 8080
	judge 'ufw, natmap, ufw deny and ufw route deny of the port'
	inbox iptables -I DOCKER-USER -p tcp -m conntrack --ctstate DNAT --ctorigdstport 8080 -j DROP
	assert_no_reach ext tcp 192.0.2.1 8080
	assert_reach natmap ext tcp fd00:99::1 8080
	withdraw web
	publish web 8080:80 allow=198.51.100.0/24
	assert_no_reach ext tcp 192.0.2.1 8080
}

@test "ufw lets natmap's network be, whichever came first" {
	network_up
	inbox ufw --force enable
	run_natmap reload
	network_works
	inbox ufw reload
	run_natmap reload
	network_works
}
