#!/usr/bin/env bats
# podman's pods whose network namespace is made anew, and networks that are plugged in and out, which no hook tells.
# shellcheck disable=SC2154 # $output comes from run_natmap

load ../helpers/natmap
load ../helpers/programs
load ../helpers/runtimes

setup() {
	runtimes_up
	podman_up
}

teardown() {
	runtimes_down
}

# member NAME PORTS COMMAND...: a container of the pod
member() {
	inbox podman run --detach --pod pod --name "$1" --stop-signal KILL --annotation "io.natmap.ports=$2" \
		docker.io/library/nginx "${@:3}"
}

# running: how many containers run
running() {
	inbox podman ps --quiet | wc -l
}

@test "the containers of a pod are restarted in any order" {
	local order name
	inbox podman pod create --name pod --network web --infra-name infra
	member web 8080:80 httpd -f -p 80 -h /www
	member two 8080:80 sleep 1000
	member three 8081:81 httpd -f -p 81 -h /www
	assert_pages web 8080
	inbox podman pod restart pod
	assert "$(running)" -eq 4
	assert_pages web 8080
	assert_pages web 8081
	for order in 'infra web two three' 'infra three two web'; do
		for name in $order; do
			inbox podman restart --time 0 "$name"
		done
		assert_pages web 8080
		assert_pages web 8081
		run_natmap check
		assert "$(published | wc -w)" -eq 3
	done
	inbox podman pod rm --force --time 0 pod
	assert_nothing_left
	result "podman: pod restart" published published
}

@test "a container is plugged into another network, and nobody else gets its port" {
	local old
	inbox podman network create --ipv6 --subnet 10.91.0.0/24 --subnet fd00:91::/64 next
	podman_serves web 8080
	assert_pages web 8080
	old=$(podman_of .NetworkSettings.Networks.web.IPAddress web)
	inbox podman network disconnect web web
	inbox podman run --detach --name stranger --network web --ip "$old" docker.io/library/nginx httpd -f -p 80 -h /www
	run_natmap reload
	assert_no_page 8080
	run_natmap rc=3 check
	assert "$output" has "no longer has the address $old of its ports"
	refute podman_serves thief 8080
	inbox podman network connect next web
	run_natmap reload
	assert_pages web 8080
	run_natmap check
	inbox podman network connect web web
	inbox podman network disconnect next web
	run_natmap reload
	assert_pages web 8080
	podman_ends --all
	assert_nothing_left
	result "podman: reconnect, reload" published published
}
