#!/usr/bin/env bats
# Whom `natmap add` takes for the container.
# shellcheck disable=SC2034,SC2154 # NM_WRAP goes to run_natmap, $stderr comes from it

load helpers/natmap

@test "a process that got the number of the container's is not the container" {
	publish web 8080:80
	sed -i 's/"start":[0-9]*/"start":1/' "$(state_dir)/state"
	run_natmap rc=1 add web 9090:90
	assert "$stderr" =~ "^natmap: container 'web': its process [0-9]+ is gone$"
	assert_rule host natmap:web:8080
	assert_no_rule host natmap:web:9090
}

@test "a wildcard that is added to a container known by address answers on 127.0.0.1, too" {
	serve ctr2 tcp 71 web
	run_natmap add --address 10.88.7.3 web 192.0.2.1:7000:70
	run_natmap add web 7001:71
	assert_reach web host tcp 127.0.0.1 7001
	assert_reach web ext tcp 192.0.2.1 7001
	assert_rule host @localnet/br0
	withdraw web
	assert_clean
}

@test "adding gives up the capabilities for namespaces before the state is changed" {
	ctr_start web >/dev/null
	NM_WRAP=(strace -qq -f -e "trace=capset,setns,flock" -o "$NM_TMP/trace")
	run_natmap add --pid "$(ctr_pid web)" web 8080:80
	NM_WRAP=()
	grep -v -e '^[0-9]* *+++' "$NM_TMP/trace" || :
	assert "$(sed -n '/setns/,$p' "$NM_TMP/trace" | grep -oE 'capset|flock' | head -n 1)" = capset
}

@test "a static rule that takes a port does not keep its owner's others from coming and going" {
	publish web 8080:80 9000:80
	config '{"static":{"dnat":[{"name":"d","internal_address":"10.88.7.3","ports":"9000"}]}}'
	run_natmap rc=4 reload
	run_natmap add web 8081:80
	run_natmap rc=4 add web 192.0.2.1:9000:81
	run_natmap remove web 8080:80
	publish web 8081:80 9000:80
	run_natmap remove web 9000:80
	run_natmap reload
}
