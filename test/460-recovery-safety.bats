#!/usr/bin/env bats
# What reload must not do: fail on a host where nothing is published, or take ports away that it knows nothing about.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
}

teardown() {
	net_down
}

@test "a reload sets up the chains on a host where nothing is published" {
	run_natmap reload
	assert_rule host '-A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP'
	run_natmap check
}

@test "check finds nothing where nothing is published any more, and in a family in which nothing is" {
	publish web 8080:80
	withdraw web
	run_natmap check
	publish web 0.0.0.0:8080:80
	run_natmap check
	run_natmap reload
	run_natmap check
}

@test "a reload that is refused for a missing state is refused again" {
	publish web 8080:80
	rm "$(state_dir)/state"
	run_natmap rc=1 reload
	run_natmap rc=1 reload
	run_natmap rc=1 flush
	assert_rule host natmap:web:8080
	run_natmap reload --force
	assert_no_rule host natmap:web:8080
}
