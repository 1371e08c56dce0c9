#!/usr/bin/env bats
# Containers of a real runtime, with natmap as its hooks. RUNTIME=crun bats test/350-runc.bats: the same with crun.
# shellcheck disable=SC2154 # $output comes from ctr_run

load helpers/natmap
load helpers/runc

# web_make ID PORTS TEXT [JQ]: a bundle whose container serves a page TEXT on the port of PORTS inside
web_make() {
	bundle_make "$1" "echo '$3' >/tmp/index.html; exec httpd -f -p ${2##*:} -h /tmp" "$2" "${4:-.}"
}

# also_in STAGE: a JQ program that has natmap run in STAGE as well
also_in() {
	printf '.hooks.%s = [.hooks.createRuntime[0] | .args[-1] = "%s"]' "$1" "$1"
}

@test "a container's page answers on the host's port while it lives, and nothing of it is left afterwards" {
	web_make web 8080:80 hello
	ctr_run web
	assert_page hello ext 192.0.2.1:8080
	assert_page hello ext '[fd00:99::1]:8080'
	assert_page hello host 127.0.0.1:8080
	assert_page hello ctr2 192.0.2.1:8080
	run_natmap list
	assert "$output" =~ 'web +8080:80/tcp +running +[1-9][0-9]* +10.88.7.2 '
	ctr_delete web
	refute page ext 192.0.2.1:8080
	assert_clean
}

# bats test_tags=once
@test "a container without annotation runs, and nothing is published or recorded" {
	local before
	before=$(snapshot host)
	bundle_make plain 'sleep 600'
	ctr_run plain
	assert "$(ctr_state plain status)" = running
	same "rules" "$before" "$(snapshot host)"
	refute test -e "$(state_dir)"
	ctr_delete plain
	same "rules" "$before" "$(snapshot host)"
}

# bats test_tags=once
@test "a hook that fails fails the container, and the owner of the port is not disturbed" {
	local before
	web_make web 8080:80 owner
	web_make other 8080:81 loser
	ctr_run web
	assert_page owner ext 192.0.2.1:8080
	before=$(rules host)
	refute ctr_run other
	same "rules" "$before" "$(rules host)"
	assert_page owner ext 192.0.2.1:8080
	refute runtime state other
	ctr_delete web
	assert_clean
}

# bats test_tags=once
@test "runc shows natmap's line when the hook fails" {
	[[ $RUNTIME = runc ]] || skip "$RUNTIME throws a hook's stderr away"
	web_make web 8080:80 owner
	web_make other 8080:81 loser
	ctr_run web
	! ctr_run other || fail "must not run"
	assert "$output" has "natmap: container 'other'"
	assert "$output" has "container 'web'"
	assert "$output" has 8080
}

# bats test_tags=once
@test "an annotation that is no list of ports fails the container" {
	bundle_make web 'sleep 600' 8080:80:90:100/tcp
	refute ctr_run web
	refute runtime state web
	assert_clean
}

# bats test_tags=once
@test "two containers in one network namespace have ports of their own" {
	web_make one 8081:81 one
	web_make two 8082:82 two
	ctr_run one
	ctr_run two
	assert_page one ext 192.0.2.1:8081
	assert_page two ext 192.0.2.1:8082
	ctr_delete one
	refute page ext 192.0.2.1:8081
	assert_page two ext 192.0.2.1:8082
	assert_page two host 127.0.0.1:8082
	ctr_delete two
	assert_clean
}

# bats test_tags=once
@test "a container that was killed is withdrawn by its delete" {
	local pid
	web_make web 8080:80 hello
	ctr_run web
	pid=$(ctr_state web pid)
	kill -KILL "$pid"
	wait_for process_is_gone "$pid"
	assert_rule host '"natmap:web:8080"'
	ctr_delete web
	assert_clean
}

@test "a container that ends by itself is withdrawn by its delete" {
	bundle_make short true 8080:80
	ctr_run short
	wait_for has_stopped short
	runtime delete short
	assert_clean
}

has_stopped() {
	[[ "$(ctr_state "$1" status)" = stopped ]]
}

# bats test_tags=once
@test "a container is started again with the same id, also with other ports" {
	web_make web 8080:80 first
	ctr_run web
	assert_page first ext 192.0.2.1:8080
	ctr_delete web
	ctr_run web
	assert_page first ext 192.0.2.1:8080
	ctr_delete web
	web_make web 8088:80 second
	ctr_run web
	assert_page second ext 192.0.2.1:8088
	refute page ext 192.0.2.1:8080
	ctr_delete web
	assert_clean
}

# bats test_tags=once
@test "a new container takes over from one that was killed and never deleted" {
	local pid
	web_make old 8080:80 old
	web_make new 8080:80 new
	ctr_run old
	pid=$(ctr_state old pid)
	kill -KILL "$pid"
	wait_for process_is_gone "$pid"
	ctr_run new
	assert_page new ext 192.0.2.1:8080
	ctr_delete old # its poststop does not withdraw what is another's now
	assert_page new ext 192.0.2.1:8080
	ctr_delete new
	assert_clean
}

@test "prestart and createRuntime at once publish once" {
	web_make web 8080:80 hello "$(also_in prestart)"
	ctr_run web
	assert_page hello ext 192.0.2.1:8080
	in_nftables || assert "$(rules host | grep -c -- '-A NATMAP -p tcp -m tcp --dport 8080 ')" -eq 1
	assert "$(wc -l <"$(state_dir)/state")" -eq 2 "the header and one record"
	ctr_delete web
	assert_clean
}

# bats test_tags=once
@test "createRuntime and poststart at once publish once" {
	web_make web 8080:80 hello "$(also_in poststart)"
	ctr_run web
	assert_page hello ext 192.0.2.1:8080
	in_nftables || assert "$(rules host | grep -c -- '-A NATMAP -p tcp -m tcp --dport 8080 ')" -eq 1
	ctr_delete web
	assert_clean
}

@test "a range, udp and one address by a real runtime" {
	web_make web 8000-8002:8000-8002,192.0.2.3:53:53/udp,8080:80 hello
	ctr_run web
	assert_page hello ext 192.0.2.1:8080
	serve ctr tcp 8002 last
	serve ctr udp 53 dns
	assert_reach last ext tcp 192.0.2.1 8002
	assert_reach dns ext udp 192.0.2.3 53
	assert_no_reach ext udp 192.0.2.1 53
	ctr_delete web
	assert_clean
}

# bats test_tags=once
@test "crun does the same" {
	RUNTIME=crun
	web_make web 8080:80 hello
	web_make other 8080:81 loser
	ctr_run web
	assert_page hello ext 192.0.2.1:8080
	assert_page hello host 127.0.0.1:8080
	refute ctr_run other
	assert_page hello ext 192.0.2.1:8080
	ctr_delete web
	assert_clean
}
