#!/usr/bin/env bats
# Bad input that carries our annotation: one line, exit status 5, nothing touched.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap
# bats file_tags=once

load helpers/natmap

ours='"annotations":{"io.natmap.ports":"8081:80"}'

# world: all that bad input must leave as it is
world() {
	snapshot host
	[[ ! -e "$(state_dir)/lock" ]] || (cd "$(state_dir)" && stat -c '%n %i %s %Y' . ./* && cat ./*)
}

# refused [WHAT] <INPUT: the hook refuses it at creation, and nothing changes in a world with a published container
refused() {
	if [[ ! -e "$NM_TMP/state/state" ]]; then
		publish old 8080:80 || return 1
		before=$(world) # of the whole test
	fi
	run_natmap rc=5 hook createRuntime || return 1
	same "the world, ${1:-}" "$before" "$(world)"
}

# blanks BYTES: so many of them
blanks() {
	head -c "$1" /dev/zero | tr '\0' ' '
}

# brackets COUNT: so many open ones
brackets() {
	head -c "$1" /dev/zero | tr '\0' '['
}

# noise SEED BYTES: bytes that are the same each time
noise() {
	{ seq "$1" 9999 | gzip -nc | tail -c +11 | head -c "$2"; } 2>/dev/null || :
}

@test "a truncated or malformed document with our annotation is refused" {
	refused truncated <<<"{\"id\":\"web\",\"pid\":1,$ours"
	refused 'in the middle' <<<'{"id":"web","annotations":{"io.natmap.ports":"80'
	refused 'followed by more' <<<"{\"id\":\"web\",\"pid\":1,$ours} {}"
	refused 'with a wrong comma' <<<"{\"id\":\"web\",,\"pid\":1,$ours}"
	refused 'with a comment' <<<"{\"id\":\"web\",/**/\"pid\":1,$ours}"
}

@test "4,000,000 open brackets around our annotation are refused" {
	refused < <(brackets 4000000 && printf '{%s}' "$ours")
	refused < <(printf '{%s,"x":' "$ours" && brackets 4000000)
}

@test "20 MB of state are refused wherever our annotation is" {
	refused 'at the start' < <(printf '{%s,' "$ours" && blanks 20000000 && printf '"id":"web","pid":1}')
	refused 'at the end' < <(printf '{"id":"web","pid":1,' && blanks 20000000 && printf '%s}' "$ours")
	# across the 16 MiB that one read takes
	refused 'in the middle' < <(blanks 16777213 && printf '"io.natmap.ports":' && blanks 2000000)
	refused 'in the middle, escaped' < <(blanks 16777156 &&
		printf '%s' '"\u0069\u006f\u002e\u006e\u0061\u0074\u006d\u0061\u0070\u002eports":' && blanks 2000000)
}

@test "random bytes that contain our key are refused" {
	local seed
	for seed in 1 2 3 4 5 6 7 8; do
		refused "seed $seed" < <(noise "$seed" 3000 && printf '"io.natmap.ports":' && noise "9$seed" 3000)
	done
}

@test "an id or ports given twice are refused" {
	refused <<<"{\"id\":\"web\",\"id\":\"web\",\"pid\":1,$ours}"
	assert "$stderr" has 'id: given twice'
	refused <<<"{\"id\":\"web\",\"pid\":1,\"pid\":1,$ours}"
	refused <<<'{"id":"web","pid":1,"annotations":{"io.natmap.ports":"8081:80","io.natmap.ports":"8081:80"}}'
	assert "$stderr" has 'given twice'
	refused <<<"{\"id\":\"web\",\"pid\":1,$ours,$ours}"
}

@test "a NUL in the id or the ports is refused" {
	refused <<<"{\"id\":\"we\\u0000b\",\"pid\":1,$ours}"
	refused <<<'{"id":"web","pid":1,"annotations":{"io.natmap.ports":"8081:80\u0000,1"}}'
	refused < <(printf '{"id":"we\0b","pid":1,%s}' "$ours")
	refused < <(printf '{"id":"web","pid":1,"annotations":{"io.natmap.ports":"8081:80\0"}}')
	refused < <(printf '{"id":"web","pid":1,%s}\0' "$ours")
}

@test "wrong types and missing members are refused" {
	local text
	for text in '"id":5,"pid":1' '"id":null,"pid":1' '"id":["web"],"pid":1' '"id":{"a":"b"},"pid":1' '"pid":1' '"id":"web"' \
		'"id":"web","pid":"1"' '"id":"web","pid":1.5' '"id":"web","pid":1e3' '"id":"web","pid":-1' '"id":"web","pid":true' \
		'"id":"web","pid":99999999999999999999' '"id":"web","pid":4294967297' '"id":"web","pid":1,"bundle":7' \
		'"id":"web","pid":1,"status":7'; do
		refused "$text" <<<"{$text,$ours}"
	done
	for text in 8080 null true '["8080:80"]' '{"8080":"80"}'; do
		refused "ports $text" <<<"{\"id\":\"web\",\"pid\":1,\"annotations\":{\"io.natmap.ports\":$text}}"
	done
}

@test "an id that no runtime would give is refused" {
	local id
	for id in '' a/b a:b a@b 'a b' '@established' '../../etc' $'\u00e4' 'a\nb' 'a\u001bb' "$(printf 'a%.0s' {1..1025})"; do
		refused "${id:0:20}" <<<"{\"id\":\"$id\",\"pid\":1,$ours}"
		assert "$stderr" has 'id: '
	done
}

@test "malformed ports are refused, and the message names them" {
	local form forms before bad=()
	mapfile -t forms <<-'END'
		,
		,8081:80
		8081:80,,8082:80
		a
		80a
		8081:b
		-1
		+8081:80
		0x50:80
		8081:+80
		65536
		8081:65536
		8081:99999999999999999999
		99999999999999999999:80
		:80
		8081:
		8081:0
		0
		0:0
		0-5:1-6
		0:1-6
		8099-8090:1-10
		8081-8082:80-82
		8081-8083:80-81
		8081:80-82
		8081-:80-
		-8081:80
		8081--8082:80-81
		8081:80/
		8081:80/icmp
		8081:80/tcpp
		8081:80//tcp
		8081:80/tcp/udp
		/tcp
		8081:80:80
		80 81:80
		8081 :80
		8081: 80
		8081:80 /tcp
		8081:80;8082:80
		192.0.2:8081:80
		192.0.2.256:8081:80
		192.0.2.1.1:8081:80
		192.0.02.1:8081:80
		192.0.2.1::80
		192.0.2.1:8081:
		192.0.2.1/24:8081:80
		::1:8081:80
		fd00:99::1:8081:80
		[fd00:99::1]8081:80
		[fd00:99::1:8081:80
		fd00:99::1]:8081:80
		[fd00:99::1%up0]:8081:80
		[fd00:99::g]:8081:80
		[192.0.2.1]:8081:80
		[]:8081:80
		[::ffff:192.0.2.1]:8081:80
		[::1]:8081:80
		localhost:8081:80
		224.0.0.1:8081:80
		255.255.255.255:8081:80
		169.254.0.1:8081:80
		[ff02::1]:8081:80
		[fe80::1]:8081:80
		8081:80,8081:81
		8081:80,192.0.2.1:8081:80
		8081-8090:1-10,8085:80
		٨٠:80
	END
	before=$(world)
	for form in "${forms[@]}"; do
		publish rc=5 web "ports=$form" >/dev/null 2>&1 || bad+=("'$form': $status $stderr")
		[[ "$stderr" == *"port mapping '"* ]] || bad+=("'$form': $stderr")
	done
	assert "${bad[*]}" = "" "forms that were not refused as they should be"
	same "the world" "$before" "$(world)"
}

@test "an unknown annotation of ours is refused" {
	publish rc=5 web 8081:80 adress=10.88.7.2
	assert "$stderr" has "'io.natmap.adress'"
	assert_no_state
}

@test "broken lists in the other annotations are refused" {
	local text
	for text in allow= 'allow=,' allow=192.0.2.0/33 allow=192.0.2.0/ allow=everyone 'allow=10.0.0.0/8,,' address= 'address=10.88.7.2,10.88.7.3' \
		address=10.88.7.2/33 address=web interface= interface=no/such interface="$(printf 'e%.0s' {1..40})"; do
		publish rc=5 web 8081:80 "$text"
	done
	assert_no_state
}

@test "what is said about hostile text fits on one line without control characters" {
	publish rc=5 web $'ports=8081:80\f'
	refused <<<'{"id":"web","pid":1,"annotations":{"io.natmap.ports":"80\u001b[31m\nnatmap: all is well\u202e"}}'
	assert "$stderr" !~ [[:cntrl:]]
	refused <<<'{"id":"web","pid":1,"annotations":{"io.natmap.ports":"81:80","io.natmap.\u001b]0;x\u0007\n":"1"}}'
	assert "$stderr" !~ [[:cntrl:]]
}

@test "a container that cannot have been published, since its id or bundle is odd, ends without an error" {
	local state
	publish old 8080:80
	before=$(world)
	for state in '"id":"a/b"' '"id":""' '"id":7' '"id":"old\u0000"' '"id":"old","id":"older"' "\"id\":\"$(blanks 1025 | tr ' ' x)\"" \
		'"id":"old","bundle":7' '"bundle":"/b\u001b[31m","id":"old"' '"id":"old","bundle":"/a","bundle":"/b"'; do
		run_natmap hook poststop <<<"{$state,\"status\":\"stopped\"}"
		run_natmap hook <<<"{$state,\"status\":\"stopped\"}"
	done
	same "the world" "$before" "$(world)"
	run_natmap rc=5 hook poststop <<<'{"status":"stopped"}'
}
