#!/usr/bin/env bats
# Input that is none of our business, and how the hook tells creation from deletion.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap
# bats file_tags=once

load helpers/natmap
load helpers/syslog

# ignored <INPUT: the hook has nothing to do with it, neither with a stage nor without
ignored() {
	before=${before:-$(snapshot host)} # of the whole test
	cat >"$NM_TMP/input"
	run_natmap hook createRuntime <"$NM_TMP/input" || return 1
	assert "$output" = "" || return 1
	run_natmap hook <"$NM_TMP/input" || return 1
	assert "$output" = "" || return 1
	same "the host" "$before" "$(snapshot host)" || return 1
	refute test -e "$(state_dir)"
}

# fill BYTES CHARACTER
fill() {
	head -c "$1" /dev/zero | tr '\0' "$2"
}

# hook_text [STAGE] TEXT: the hook with TEXT, where PID stands for the process of the container web
hook_text() {
	local text=${*: -1}
	ctr_pid web >/dev/null 2>&1 || ctr_start web
	run_natmap hook "${@:1:$#-1}" <<<"${text//PID/$(ctr_pid web)}"
}

# foreign TEXT: no stage fails because of it
foreign() {
	local stage
	printf '%s' "$1" >"$NM_TMP/input"
	for stage in createRuntime poststop ''; do
		run_natmap rc=any hook ${stage:+"$stage"} <"$NM_TMP/input" || return 1
		assert "$status $output" = "0 " "stage '$stage' with ${1:0:200}" || return 1
	done
}

@test "broken documents without our annotation are ignored silently" {
	ignored </dev/null
	ignored <<<'{"id":"web","pid":1,"annotations":{'
	ignored <<<'{"id":"web","id":"a/b","pid":"x","annotations":{"io.natmapx":"1","org.natmap.ports":"80:80"}}'
	ignored <<<'{"id":"a\u0000b","pid":1e999,"annotations":[],"x":"\ud800"}'
	ignored <<<"\\"
	ignored < <(printf '\0\0\0')
	ignored < <(printf '\xff\xfe{"id":"\xff"}')
}

@test "4,000,000 open brackets without our annotation are ignored silently" {
	ignored < <(fill 4000000 '[')
	ignored < <(printf '{"x":"\\n","y":' && fill 4000000 '[')
}

@test "20 MB without our annotation are ignored silently" {
	ignored < <(printf '{"id":"web","pid":1,' && fill 20000000 ' ' && printf '"annotations":{}}')
}

@test "a container without ports is ignored whatever else of ours it carries" {
	ignored < <(state web 1 creating)
	ignored < <(state web 1 creating org.example.note='io.natmap.ports is documented elsewhere')
	ignored < <(state a/b 0 creating org.example.path='C:\\temp')
}

@test "a container without ports needs neither a configuration nor privileges" {
	config '{ broken'
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
	local copy text
	copy=$(mktemp) # where that user can run it
	cp "$NATMAP" "$copy" && chmod 0755 "$copy"
	local NATMAP=$copy
	for text in '"a":"b"' '"a":"b\"c"' '"a":"\u0041\\"' '"a":"stopped"' '"a":"io.natmap.ports is documented elsewhere"' \
		'"a":"{\"io.natmap.ports\":\"80\"}"'; do
		foreign "{\"id\":\"web\",\"pid\":1,\"status\":\"creating\",\"annotations\":{$text}}"
	done
	foreign '{"id":"web","status":"stopped","bundle":"/b"}'
	foreign "\\"
	foreign "{\"a\":\"\\\\\",\"b\":\"$(fill 20000000 x)\"}"
	run_natmap rc=1 hook createRuntime <<<'{"id":"web","pid":1,"annotations":{"io\u002enatmap.ports":"80"}}'
	assert "$stderr" has CAP_NET_ADMIN
	rm -f "$copy"
}

@test "without a stage the status stopped withdraws, but for what has a process, which is restored" {
	local pid
	for pid in "" '"pid":0,' '"pid":4194304,'; do
		publish web 8080:80
		hook_text "{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"status\":\"stopped\",$pid\"bundle\":\"/bundle/web\"}"
		assert_clean
	done
	hook_text '{"id":"web","status":"stopped","pid":PID,"annotations":{"io.natmap.ports":"8080:80"}}'
	assert_rule host natmap:web:8080
}

@test "without a stage every other status publishes" {
	local status_text
	for status_text in '"creating"' '"created"' '"running"' '""' '"paused"' '"unstopped"'; do
		hook_text "{\"id\":\"web\",\"status\":$status_text,\"pid\":PID,\"annotations\":{\"io.natmap.ports\":\"8080:80\"}}"
		assert_rule host natmap:web:8080
		withdraw web
		assert_no_rule host natmap:web:8080
	done
	hook_text '{"id":"web","pid":PID,"annotations":{"io.natmap.ports":"8080:80","x":"stopped"}}'
	assert_rule host natmap:web:8080
}

@test "each stage does what its name says, whatever the status" {
	local stage
	for stage in prestart createRuntime poststart; do
		publish stage="$stage" web 8080:80 status=stopped
		assert_rule host natmap:web:8080
		hook_text poststop '{"id":"web","status":"running","pid":PID,"annotations":{"io.natmap.ports":"8080:80"}}'
		assert_clean
	done
}

@test "an annotation with escapes in its key is ours, too" {
	hook_text createRuntime '{"id":"web","pid":PID,"annotations":{"io\u002enatmap.ports":"8080:\u00380"}}'
	assert_rule host "$(leads_to 10.88.7.2 80)"
	local bad='{"id":"web","pid":PID,"annotations":{"io\u002enatmap\u002eports":"8080:80","io.natmap\u002eports":"8081:80"}}'
	run_natmap rc=5 hook createRuntime <<<"${bad//PID/$(ctr_pid web)}"
}

@test "ports as YAML and templates write them are taken, and none are none" {
	hook_text createRuntime '{"id":"web","pid":PID,"annotations":{"io.natmap.ports":"8080:80,\n\t8081:81,\r\n8080:80,\n"}}'
	run_natmap list
	assert "$output" =~ $'\nweb  *8080:80/tcp .*\nweb  *8081:81/tcp [^\n]*$' "what is published"
	withdraw web
	hook_text createRuntime '{"id":"web","pid":PID,"annotations":{"io.natmap.ports":" \n"}}'
	assert_clean
}

@test "annotations of ours without ports publish nothing, with a notice that names a misspelt key" {
	syslog_start
	hook_text createRuntime '{"id":"web","pid":PID,"annotations":{"io.natmap.port":"8080:80"}}'
	wait_for syslog_has "container 'web', ignored: it has annotations of natmap's, but no io.natmap.ports: annotation 'io.natmap.port' is unknown to this version"
	hook_text createRuntime '{"id":"two","pid":PID,"annotations":{"io.natmap.allow":"192.0.2.0/24"}}'
	wait_for syslog_has "container 'two', ignored: it has annotations of natmap's, but no io.natmap.ports"
	hook_text createRuntime '{"id":"none","pid":PID,"annotations":{"io.natmap.ports":""}}'
	assert_clean
	assert "$(syslog_lines | grep -c ignored)" -eq 2 "notices"
}

@test "what people write instead of a port mapping gets an answer that tells what to write" {
	local text why
	while read -r text why; do
		publish rc=5 web "${text//_/ }" || return 1
		assert "$stderr" = "natmap: container 'web': port mapping '${text//_/ }': $why" || return 1
	done <<-END
		localhost:8080:80 a name is not a host address: write the address itself
		eth0:80:80 a name is not a host address: write the address itself
		fd00:99::1:80:80 an IPv6 address is written in brackets
		127.0.0.1::80 the host port is missing; 0 stands for a free one
		8080_:_80 a blank beside a port
		08080:80 a port is written without leading zeros
	END
	publish rc=5 web 192.0.2.255:8080:80
	assert "$stderr" = "natmap: container 'web': port mapping '192.0.2.255:8080:80/tcp': that is the broadcast address of a network of the host's"
	publish web 192.0.2.77:8080:80
}

@test "order and blanks of the document do not matter" {
	hook_text createRuntime $'\n\t{ "annotations" : { "io.natmap.ports" :\r\n " 8080:80 , 8081:81/UDP " } , "pid" : PID , "id" : "web" }\n\n'
	assert_rule host natmap:web:8080
	assert_rule host '-p udp -m udp --dport 8081'
}

@test "odd values in foreign members do not matter" {
	hook_text createRuntime '{"id":"web","pid":PID,"x":1e999,"y":99999999999999999999999,"z":[{"id":"other","annotations":{"io.natmap.ports":"1:1"}}],"x":2,
		"annotations":{"io.natmap.ports":"8080:80","a":null,"a":["b"],"b":"\u0000"}}'
	assert_rule host natmap:web:8080
	assert_no_rule host natmap:other
}

@test "malformed JSON is refused at poststop" {
	publish web 8080:80
	local before text
	before=$(snapshot host)
	for text in '' '{' '{"id":"web"' 'web' '[]' '{"status":"stopped"}'; do
		run_natmap rc=5 hook poststop <<<"$text"
	done
	same "the host" "$before" "$(snapshot host)"
}

@test "withdraw ignores broken annotations" {
	local annotations
	for annotations in '"x"' null '{"io.natmap.ports":5}' '{"io.natmap.ports":"nonsense"}' '{"io.natmap.unknown":"1"}' \
		'{"io.natmap.ports":"1:1","io.natmap.ports":"1:1"}'; do
		publish web 8080:80
		hook_text poststop "{\"id\":\"web\",\"status\":\"stopped\",\"pid\":\"none\",\"annotations\":$annotations}"
		assert_clean
	done
}

@test "withdraw of an unknown container succeeds and creates nothing" {
	withdraw web
	refute test -e "$(state_dir)"
}
