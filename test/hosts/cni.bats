#!/usr/bin/env bats
# Beside CNI's plugins bridge and portmap, which publish a port of a container of theirs.
# packages: containernetworking-plugins iptables

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

# shop_answers: the port that portmap publishes is reached as before
shop_answers() {
	assert_reach shop ext tcp 192.0.2.1 9080
	assert_reach shop host tcp 127.0.0.1 9080
	assert_reach shop ctr tcp 192.0.2.1 9080
	assert_reach shop ext tcp fd00:99::1 9080
}

# shop_here [KEY:VALUE]: such a container, which is another neighbour of natmap's
shop_here() {
	cni_up shop 9080 "$@"
	wait_for reach ext tcp 192.0.2.1 9080
	NM_WAYS+=$'\n'"a container of CNI's:$(netns_there shop):192.0.2.1"
}

# before NAME [KEY:VALUE]: portmap, with that in its configuration, then natmap
before() {
	local theirs
	shop_here "${@:2}"
	theirs=$(theirs)
	publish web 8080:80
	judge "$1, natmap"
	shop_answers
	leaves_all_as_it_was "$theirs"
	publish web 8080:80
	cni_down shop
	NM_WAYS=${NM_WAYS%$'\n'*}
	judge "$1, natmap, portmap's port withdrawn"
}

# after NAME [KEY:VALUE]
after() {
	publish web 8080:80
	shop_here "${@:2}"
	judge "natmap, $1"
	shop_answers
	leaves_all_as_it_was
	shop_answers
}

@test "CNI portmap before natmap" {
	before 'CNI portmap'
}

# bats test_tags=long
@test "CNI portmap after natmap" {
	after 'CNI portmap'
}

# bats test_tags=long
@test "CNI portmap publishes the same port" {
	cni_up shop 8080
	contend 'CNI portmap, natmap with the same port'
	cni_down shop
	publish web 8080:80
	cni_up other 8080
	judge 'natmap, CNI portmap with the same port' 'all|.*, told by check and doctor; .*'
}

# bats test_tags=long
@test "CNI portmap's nftables backend publishes the same port" {
	[[ "$NM_RELEASE" = sid ]] || return 0
	cni_up shop 8080 '"backend":"nftables"'
	contend 'CNI portmap (nftables), natmap with the same port'
	cni_down shop
	publish web 8080:80
	cni_up other 8080 '"backend":"nftables"'
	judge 'natmap, CNI portmap (nftables) with the same port' 'all|.*, told by check and doctor; .*'
}

# bats test_tags=long
@test "CNI portmap's nftables backend before natmap" {
	[[ "$NM_RELEASE" != sid ]] || before 'CNI portmap (nftables)' '"backend":"nftables"' # which the others do not have
}

# bats test_tags=long
@test "CNI portmap's nftables backend after natmap" {
	[[ "$NM_RELEASE" != sid ]] || after 'CNI portmap (nftables)' '"backend":"nftables"'
}
