#!/usr/bin/env bats
# bats file_tags=once
# The states that runtimes give their hooks, as their sources write them: of those that no release of Debian has, or has in a usable
# version. Debian's are run by `make check-runtimes`.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

# hook STAGE STATE: with the words PID and PORTS replaced; a stage that is "" is not told
hook() {
	local text=${2//PID/$pid}
	text=${text//PORTS/'"io.natmap.ports":"8080:80"'}
	printf 'stdin: %s\n' "$text"
	run_natmap hook ${1:+"$1"} <<<"$text"
}

# lives_and_ends NAME AT_CREATE AT_END: publishes by the first state, withdraws by the second, with stages and by the status alone
lives_and_ends() {
	local create
	echo "== $1"
	for create in createRuntime prestart ""; do
		hook "$create" "$2"
		assert "$(live_ids)" = web
		assert_rule host natmap:web:8080
		hook "${create:+poststop}" "$3"
		assert_clean
	done
}

@test "the states of youki, runsc and kata publish and withdraw" {
	local pid
	pid=$(ctr_start web)
	lives_and_ends 'youki 0.6: state of the specification' \
		'{"ociVersion":"1.0.2","id":"web","status":"created","pid":PID,"bundle":"/run/b","annotations":{PORTS}}' \
		'{"ociVersion":"1.0.2","id":"web","status":"stopped","pid":4194303,"bundle":"/run/b","annotations":{PORTS}}'
	lives_and_ends 'youki 0.5: its own state' \
		'{"ociVersion":"v1.0.2","id":"web","status":"created","pid":PID,"bundle":"/run/b","annotations":{PORTS},"created":"2026-01-02T03:04:05.678Z","creator":0,"useSystemd":false,"cleanUpIntelRdtSubdirectory":false}' \
		'{"ociVersion":"v1.0.2","id":"web","status":"stopped","bundle":"/run/b","annotations":{PORTS},"created":"2026-01-02T03:04:05.678Z","creator":0,"useSystemd":false,"cleanUpIntelRdtSubdirectory":false}'
	lives_and_ends 'runsc, whose pid is -1 at the end' \
		'{"ociVersion":"1.1.0-rc.1","id":"web","status":"created","pid":PID,"bundle":"/run/b","annotations":{PORTS}}' \
		'{"ociVersion":"1.1.0-rc.1","id":"web","status":"stopped","pid":-1,"bundle":"/run/b","annotations":{PORTS}}'
	lives_and_ends 'annotations at create alone' \
		'{"ociVersion":"1.0.2","id":"web","status":"creating","pid":PID,"bundle":"/run/b","annotations":{PORTS,"io.container.manager":"libpod"}}' \
		'{"ociVersion":"1.0.2","id":"web","status":"stopped","bundle":"/run/b"}'
	lives_and_ends 'written with escapes, and with more that is called pid' \
		'{"ociVersion":"1.0.2","id":"web","x":[{"pid":1}],"status":"creating","annotations":{"pid":"1",PORTS},"\u0070i\u0064" : PID ,"bundle":"/run/b"}' \
		'{"ociVersion":"1.0.2","id":"web","status":"stopped","bundle":"/run/b"}'
	# kata's have no status, and so need stages
	hook createRuntime '{"ociVersion":"","id":"web","status":"","pid":PID,"bundle":"/run/b","annotations":{PORTS,"nerdctl/network-namespace":"/run/netns/x"}}'
	assert_rule host natmap:web:8080
	hook poststop '{"ociVersion":"","id":"web","status":"","pid":PID,"bundle":"/run/b","annotations":{PORTS}}'
	assert_clean
}

@test "createRuntime of youki before 0.5.4, which knows no process yet, is refused, and its prestart publishes" {
	local pid state='"ociVersion":"v1.0.2","id":"web","status":"creating","bundle":"/run/b","annotations":{"io.natmap.ports":"8080:80"},"useSystemd":false'
	pid=$(ctr_start web)
	run_natmap rc=5 hook createRuntime <<<"{$state}"
	assert "$stderr" has 'pid: missing'
	assert_clean
	hook prestart "{$state,\"pid\":PID}"
	assert_rule host natmap:web:8080
}
