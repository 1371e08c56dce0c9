#!/usr/bin/env bats
# Beside Docker: its daemon, with a container and networks of its own.
# packages: docker.io iptables

load ../helpers/natmap
load ../helpers/programs

setup() {
	programs_up
}

teardown() {
	programs_down
}

# docker_here: Docker with a container of its own, which is another neighbour of natmap's
docker_here() {
	inbox docker version >/dev/null 2>&1 || docker_start
	docker_run shop -p 9080:80
	way_from_shop
}

# way_from_shop: natmap's port is to be reached from there, too, where Docker starts it anew each time
way_from_shop() {
	wait_for reach ext tcp 192.0.2.1 9080
	NM_WAYS=${NM_WAYS%$'\na container of Docker'*}$'\n'"a container of Docker's:$(docker_netns shop):192.0.2.1"
}

# shop_answers: the port that Docker publishes is reached as before
shop_answers() {
	assert_reach shop ext tcp 192.0.2.1 9080
	assert_reach shop host tcp 127.0.0.1 9080
	assert_reach shop ctr tcp 192.0.2.1 9080
}

# forwards_not: so Docker is the one who switches forwarding on, and sets the policy of FORWARD to DROP
forwards_not() {
	on host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
}

@test "Docker before natmap" {
	local before
	forwards_not
	docker_here
	on host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	before=$(theirs)
	publish web 8080:80
	judge 'Docker, natmap'
	shop_answers
	leaves_all_as_it_was "$before"
	publish web 8080:80
	inbox docker network create more
	judge 'Docker, natmap, a network of Docker'\''s'
	shop_answers
}

# bats test_tags=long
@test "Docker after natmap, where FORWARD accepts" {
	publish web 8080:80
	docker_here
	judge 'natmap, Docker'
	shop_answers
	inbox docker network create more
	judge 'natmap, Docker, a network of Docker'\''s'
	daemon_stop dockerd
	NM_WAYS=${NM_WAYS%$'\n'*}
	judge 'natmap, Docker stopped'
	docker_start
	way_from_shop
	judge 'natmap, Docker restarted'
	shop_answers
	leaves_all_as_it_was
}

# bats test_tags=long
@test "Docker after natmap, which sets FORWARD to DROP" {
	forwards_not
	on host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	publish web 8080:80
	docker_start
	judge 'natmap, Docker switches forwarding on' '.*, told by check and doctor; a reload mends it'
	docker_here
	judge 'natmap, Docker switches forwarding on, natmap reload'
	shop_answers
	leaves_all_as_it_was
}

# bats test_tags=long
@test "Docker publishes the same port" {
	docker_start
	docker_run shop -p 8080:80
	contend 'Docker, natmap with the same port'
	inbox docker rm -f shop
	publish web 8080:80
	docker_run shop -p 8080:80
	judge 'natmap, Docker with the same port' 'all|.*, told by check and doctor; .*'
}

@test "Docker's containers and those of natmap's network reach each other's published ports, and of natmap's no others" {
	local shop
	docker_start
	docker_run shop -p 9080:80
	wait_for reach ext tcp 192.0.2.1 9080
	network_up
	network_works
	shop=$(docker_netns shop)
	assert "$(ask_from "$shop" 192.0.2.1 8080)" = web
	assert_reach shop web tcp 192.0.2.1 9080
	refute ask_from "$shop" "$(address_of web 4)" 81
	refute ask_from "$shop" "$(address_of web 4)" 80
	inbox docker rm -f shop
	network_works
}
