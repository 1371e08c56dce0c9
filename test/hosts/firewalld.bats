#!/usr/bin/env bats
# Beside firewalld, with each of its backends: its chains, its zones, and what it does to rules of others.
# packages: firewalld iptables nftables

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

# before BACKEND [EXPECTED]: firewalld, then natmap; EXPECTED after a reload of firewalld
before() {
	local theirs row="firewalld ($1)"
	firewalld_start "$1"
	theirs=$(theirs)
	publish web 8080:80
	judge "$row, natmap"
	leaves_all_as_it_was "$theirs"
	publish web 8080:80
	inbox firewall-cmd --reload
	judge "$row, natmap, firewall-cmd --reload" "${@:2}"
	leaves_all_as_it_was
}

# after BACKEND [EXPECTED]
after() {
	local row="natmap, firewalld ($1)"
	publish web 8080:80
	firewalld_start "$1"
	judge "$row" "${@:2}"
	daemon_stop firewalld
	judge "$row, stopped" "${@:2}"
	firewalld_start "$1"
	judge "$row, restarted" "${@:2}"
	leaves_all_as_it_was
}

@test "firewalld's nftables backend before natmap" {
	before nftables "all|$NM_GONE"
}

@test "firewalld's iptables backend before natmap" {
	before iptables "all|$NM_GONE"
}

# bats test_tags=long
@test "firewalld's nftables backend after natmap" {
	after nftables "all|$NM_GONE"
}

# bats test_tags=long
@test "firewalld's iptables backend after natmap" {
	after iptables "all|$NM_GONE"
}

# bats test_tags=long
@test "firewalld's direct rules have its reload empty the tables of iptables" {
	firewalld_start nftables
	publish web 8080:80
	inbox firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -p tcp --dport 7 -j ACCEPT
	judge 'firewalld (nftables), natmap, a direct rule' "all|$NM_GONE"
	inbox firewall-cmd --reload
	judge 'firewalld (nftables), natmap, a direct rule, firewall-cmd --reload' "all|$NM_GONE"
}

# bats test_tags=long
@test "firewalld's panic" {
	firewalld_start nftables
	publish web 8080:80
	inbox firewall-cmd --panic-on
	judge 'firewalld (nftables), natmap, firewall-cmd --panic-on' 'none, told by check and doctor; what doctor prints mends it'
}

# Not in 1.3, where all that is translated is let through. Its table is firewalld's own, so no rule can be put into it.
# bats test_tags=long
@test "firewalld's StrictForwardPorts" {
	# shellcheck disable=SC2034,SC2016 # for run_natmap, and for that shell
	NM_WRAP=(unshare -m --propagation private sh -ec 'mkdir -p "$1/etc/firewalld"; cp "$2" "$1/etc/firewalld/"
		mount --bind "$1/etc" /etc; shift 2; exec "$@"' sh "$NM_TMP" "/proc/$box/root/etc/firewalld/firewalld.conf")
	firewalld_start nftables StrictForwardPorts=yes
	publish web 8080:80
	judge 'firewalld (nftables, StrictForwardPorts), natmap' \
		'all|none, told by check and doctor; what doctor prints mends it'
}

@test "zones and rules of firewalld do not close a published port, io.natmap.allow does" {
	firewalld_start nftables
	publish web 8080:80
	inbox firewall-cmd --zone=drop --change-interface=up0
	inbox firewall-cmd --zone=drop --add-rich-rule='rule port port=8080 protocol=tcp drop'
	inbox firewall-cmd --zone=drop --add-rich-rule='rule port port=80 protocol=tcp drop'
	judge 'firewalld (nftables), the network in zone drop, with rules that drop the port'
	withdraw web
	publish web 8080:80 allow=198.51.100.0/24
	assert_no_reach ext tcp 192.0.2.1 8080
}

@test "firewalld's nftables backend drops what containers of natmap's network begin: doctor says what lets that through" {
	firewalld_start nftables
	network_up
	assert_no_reach web tcp 192.0.2.2 7000
	run_natmap rc=3 check
	assert "$output" has "what container 'web' sends to the outside"
	run_natmap rc=1 doctor
	obey "$output"
	network_works
}

@test "firewalld's iptables backend lets natmap's network be, whichever came first" {
	firewalld_start iptables
	network_up
	network_works
	inbox firewall-cmd --reload
	run_natmap reload
	network_works
	daemon_stop firewalld
	firewalld_start iptables
	run_natmap reload
	network_works
}
