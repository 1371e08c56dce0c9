#!/usr/bin/env bats
# natmap list: what is published, and how much its rules have counted.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/recovery
load helpers/syslog

# connect N NODE PROTO ADDRESS PORT: so many connections, each answered
connect() {
	local i
	for ((i = 0; i < $1; i++)); do
		reach "${@:2}" wait=3 >/dev/null || fail "no answer: reach ${*:2}" || return 1
	done
}

# packets PORTS [ID]: what list counts for this mapping
packets() {
	run_natmap list --json "${@:2}" >/dev/null || return 1
	packets_after "{\"ports\":\"$1\","
}

# states: each container of the list with its state and its connections
states() {
	run_natmap list "$@" >/dev/null && awk 'NR > 1 { print $1, $3, $4 }' <<<"$output" | xargs
}

# static_packets KIND NAME
static_packets() {
	run_natmap list --json >/dev/null || return 1
	packets_after "{\"kind\":\"$1\",\"name\":\"$2\","
}

@test "without state or rules there is nothing to show, and nothing is made" {
	local before
	before=$(snapshot host)
	run_natmap list
	assert "$output" = ""
	run_natmap list web
	assert "$output" = ""
	run_natmap list --json
	assert "$output" = '{"containers":[],"static":[]}'
	refute test -e "$(state_dir)"
	same "the host" "$before" "$(snapshot host)"
}

@test "the table has a line for each mapping, with both addresses where both are published" {
	publish web 8080:80 0.0.0.0:81:81 '[fd00:99::1]:82-83:92-93/udp'
	run_natmap list
	assert "$output" = 'CONTAINER  PORTS                         STATE    CONNECTIONS  ADDRESS
web        8080:80/tcp                   running            0  10.88.7.2 fd00:7::2
web        0.0.0.0:81:81/tcp             running            0  10.88.7.2
web        [fd00:99::1]:82-83:92-93/udp  running            0  fd00:7::2'
}

# bats test_tags=once
@test "the columns are as wide as their widest entries, also with an id of 1000 bytes" {
	local long i n
	long=$(printf 'a%.0s' {1..1000})
	ctr_start long
	publish web 8080:80
	publish "$long" 192.0.2.1:8081-8099:8081-8099/sctp pid="$(ctr_pid long)"
	config '{"static": {"dnat": [{"name": "a", "internal_address": "10.88.7.2", "ports": "25"},
		{"name": "a-longer-name", "external_address": "203.0.113.43", "external_interface": "up0", "internal_address": "10.88.7.2", "ports": "26"}]}}'
	run_natmap list >/dev/null
	mapfile -t lines <<<"$output"
	assert "${#lines[@]}" -eq 6
	for i in 1 2; do
		n=${lines[0]%%PORTS*}
		assert "${lines[i]:${#n}}" =~ '^(8080|192\.0\.2\.1)' "ports of line $i"
		n=${lines[0]%%ADDRESS*}
		assert "${lines[i]:${#n}}" =~ '^10\.88\.7\.2' "address of line $i"
	done
	same "static rules" 'STATIC   NAME           CONNECTIONS  RULE
dnat     a                        0  25/tcp -> 10.88.7.2
dnat     a-longer-name            0  203.0.113.43:26/tcp on up0 -> 10.88.7.2' "$(printf '%s\n' "${lines[@]:3}")"
}

@test "the counters grow with each connection, from outside and from the host, and not with its packets" {
	serve ctr tcp 80 web
	publish web 8080:80
	assert "$(packets 8080:80/tcp)" -eq 0
	connect 3 ext tcp 192.0.2.1 8080
	assert "$(packets 8080:80/tcp)" -eq 3
	connect 2 host tcp 127.0.0.1 8080
	connect 1 host tcp 192.0.2.1 8080
	assert "$(packets 8080:80/tcp)" -eq 6
	connect 2 ext tcp fd00:99::1 8080
	connect 1 host tcp fd00:99::1 8080
	assert "$(packets 8080:80/tcp)" -eq 9
	connect 1 ctr tcp 192.0.2.1 8080
	connect 1 ctr2 tcp 192.0.2.1 8080
	assert "$(packets 8080:80/tcp)" -eq 11 "with hairpin and neighbour"
	run_natmap list --json
	assert "$(jq '.containers[0].mappings[0].bytes' <<<"$output")" -ge $((11 * 40))
	run_natmap list
	assert "$output" =~ 'web +8080:80/tcp +running +11 +10\.88\.7\.2 fd00:7::2'
}

@test "mappings that share a port number are counted each for itself" {
	local pid
	serve ctr tcp 53 dns
	serve ctr udp 53 dns
	serve ctr tcp 80 one
	serve ctr tcp 81 two
	publish dns 53:53/tcp 53:53/udp
	publish web 192.0.2.1:8080:80 192.0.2.3:8080:81
	connect 1 ext tcp 192.0.2.1 53
	connect 2 ext udp 192.0.2.1 53
	connect 1 ext udp fd00:99::1 53
	connect 1 ext tcp 192.0.2.1 8080
	connect 2 ext tcp 192.0.2.3 8080
	assert "$(packets 53:53/tcp)" -eq 1
	assert "$(packets 53:53/udp)" -eq 3
	assert "$(packets 192.0.2.1:8080:80/tcp)" -eq 1
	assert "$(packets 192.0.2.3:8080:81/tcp web)" -eq 2
}

@test "a range has the total of its ports" {
	serve ctr tcp 9000 first
	serve ctr tcp 9010 last
	publish web 8000-8010:9000-9010
	connect 1 ext tcp 192.0.2.1 8000
	connect 2 ext tcp 192.0.2.1 8010
	connect 1 ext tcp fd00:99::1 8010
	assert "$(packets 8000-8010:9000-9010/tcp)" -eq 4
}

@test "counters start anew with the container and are not those of another" {
	serve ctr tcp 80 web
	publish web 8080:80
	connect 2 ext tcp 192.0.2.1 8080
	withdraw web
	publish other 8080:80
	assert "$(packets 8080:80/tcp)" -eq 0
	connect 1 ext tcp 192.0.2.1 8080
	assert "$(packets 8080:80/tcp)" -eq 1
}

@test "static rules are listed with their counters, once for each connection" {
	serve ctr tcp 25 mail
	serve ext tcp 80 outside
	on ext ip route add 203.0.113.0/24 via 192.0.2.1
	on host bridge link set dev vctr hairpin on
	config '{"static": {
		"dnat": [{"name": "x", "external_address": "203.0.113.43", "external_interface": "up0", "internal_address": "10.88.7.2", "ports": "25,26"}],
		"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "203.0.113.43", "external_interface": "up0"}],
		"hairpin": [{"name": "self", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25"}]}}'
	assert "$(static_packets dnat x)" -eq 0 "before it is in place"
	run_natmap reload
	connect 2 ext tcp 203.0.113.43 25
	connect 1 ctr tcp 192.0.2.2 80
	connect 3 ctr tcp 203.0.113.43 25
	assert "$(static_packets dnat x)" -eq 2
	assert "$(static_packets snat x)" -eq 1
	assert "$(static_packets hairpin self)" -eq 3
	run_natmap list
	assert "$output" =~ $'^STATIC +NAME +CONNECTIONS +RULE\ndnat +x +2  203\.0\.113\.43:25,26/tcp on up0 -> 10\.88\.7\.2\nsnat '
}

@test "hairpins with a lan are counted beside the dnat that translates" {
	serve ctr tcp 25 mail
	config '{"static": {
		"dnat": [{"name": "x", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25"}],
		"hairpin": [{"name": "x", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25", "lan": "10.88.7.0/24"}]}}'
	run_natmap reload
	connect 2 ctr2 tcp 203.0.113.43 25
	assert "$(static_packets dnat x)" -eq 2
	assert "$(static_packets hairpin x)" -eq 2
}

# bats test_tags=once
@test "one container alone: its mappings, no static rules, and nothing for an unknown id" {
	config '{"static": {"dnat": [{"name": "x", "internal_address": "10.88.7.2", "ports": "25"}]}}'
	publish web 8080:80
	publish web2 8081:80
	run_natmap list web
	assert "$(wc -l <<<"$output")" -eq 2
	assert "$output" has 8080:80/tcp
	assert "$output" lacks 8081
	assert "$output" lacks STATIC
	run_natmap list --json web2
	assert "$(jq -c '[.containers[].id, (.static | length)]' <<<"$output")" = '["web2",0]'
	run_natmap list web --json
	assert "$(jq -r '.containers[].id' <<<"$output")" = web
	run_natmap list we
	assert "$output" = ""
	run_natmap list --json nobody
	assert "$output" = '{"containers":[],"static":[]}'
}

@test "JSON has the keys that scripts rely on" {
	local pid
	config '{"static": {"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"}]}}'
	publish web 8080:80 53:53/udp allow=192.0.2.0/24
	pid=$(ctr_pid web)
	run_natmap list --json
	assert "$(wc -l <<<"$output")" -eq 1
	assert "$(jq -c 'keys_unsorted' <<<"$output")" = '["containers","static"]'
	assert "$(jq -c '.containers[0] | [.id, .pid, .state, .bundle, .backend, .addresses, .allow, .ports]' <<<"$output")" = \
		"[\"web\",$pid,\"running\",\"/bundle/web\",\"${NM_BACKEND:-iptables}\",[\"10.88.7.2/24\",\"fd00:7::2/64\"],[\"192.0.2.0/24\"],[\"8080:80/tcp\",\"53:53/udp\"]]"
	assert "$(jq -c '.containers[0].mappings' <<<"$output")" = \
		'[{"ports":"8080:80/tcp","connections":0,"packets":0,"bytes":0},{"ports":"53:53/udp","connections":0,"packets":0,"bytes":0}]'
	assert "$(jq -c '.static' <<<"$output")" = \
		'[{"kind":"snat","name":"x","rule":"10.88.7.2 as 203.0.113.43","connections":0,"packets":0,"bytes":0}]'
}

@test "each owner of a shared port has the connections of all, also when it is listed alone" {
	serve ctr tcp 80 web
	serve ctr udp 80 web
	serve ctr udp 53 dns
	publish a 8080:80
	publish b 8080:80 5353:53/udp pid="$(ctr_pid a)"
	publish c 8080:80/udp 192.0.2.3:8090:80 pid="$(ctr_pid a)"
	connect 2 ext tcp 192.0.2.1 8080
	connect 1 ext tcp fd00:99::1 8080
	connect 2 ext udp 192.0.2.1 8080
	connect 1 ext udp 192.0.2.1 5353
	assert "$(states)" = 'a running 3 b running 3 b running 1 c running 2 c running 0'
	assert "$(states a) $(states b)" = 'a running 3 b running 3 b running 1'
	connect 1 ext tcp 192.0.2.1 8080
	assert "$(packets 8080:80/tcp b)" -eq 4
}

# bats test_tags=once
@test "a container is running, gone, or unknown where nobody can tell" {
	config '{"policy": {"address": ["10.88.7.0/24"]}}'
	publish dead 8080:80
	ctr_stop dead
	publish live 8081:80 address=10.88.7.3
	run_natmap add --address 10.88.7.9 nobody 8082:80
	assert "$(states)" = 'dead gone 0 live running 0 nobody unknown 0'
	run_natmap list --json
	assert "$(jq -r '[.containers[] | .state] | join(" ")' <<<"$output")" = 'gone running unknown'
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(unshare --pid --fork --mount-proc)
	assert "$(states)" = 'dead unknown 0 live unknown 0 nobody unknown 0' "in another PID namespace"
}

# bats test_tags=once
@test "a broken configuration is a notice, and what is published is still shown" {
	local text
	syslog_start
	publish web 8080:80
	for text in '{' '{"polcy": 1}' '{"static": {"dnat": [{"name": "x"}]}}'; do
		config "$text"
		run_natmap list
		assert "$output" has 8080:80/tcp
		assert "$output" lacks STATIC
	done
	wait_for syslog_has "$NM_TMP/natmap.json: polcy"
	config '{}'
	chmod 0666 "$NM_TMP/natmap.json"
	run_natmap list web
	assert "$output" has 8080:80/tcp
}

@test "rules that somebody deleted count nothing, and the rest is shown" {
	serve ctr tcp 80 web
	publish web 8080:80 8081:80
	connect 1 ext tcp 192.0.2.1 8081
	connect 1 ext tcp 192.0.2.1 8080
	translation_take web:8080
	in_nftables || on host iptables -F FORWARD
	assert "$(packets 8080:80/tcp)" -eq 0
	assert "$(packets 8081:80/tcp)" -eq 1
}

# bats test_tags=once
@test "a container that is recorded twice, since a change was cut short, is shown once, as it was last" {
	publish web 8080:80
	publish web 8081:80
	sed -i '2s/"live":0/"live":1/' "$NM_TMP/state/state"
	assert "$(grep -c '"live":1' "$NM_TMP/state/state")" -eq 2
	run_natmap list --json
	assert "$(jq -c '[.containers[].ports]' <<<"$output")" = '[["8081:80/tcp"]]'
}

# bats test_tags=once
@test "what a bundle is called cannot reach the terminal: controls are refused, the rest is in JSON only, escaped" {
	local pid text
	pid=$(ctr_start web)
	for text in '\u001b[31mred' '\u007fred' '\u009b31mred' '\nred'; do
		state web "$pid" creating io.natmap.ports=8080:80 | sed "s|/bundle/web|/bundle/\\$text|" >"$NM_TMP/in"
		run_natmap rc=5 hook createRuntime <"$NM_TMP/in"
		assert "$stderr" = 'natmap: container state: bundle: control characters are not allowed'
	done
	publish web 8080:80 bundle=$'/bundle/red "\\'
	run_natmap list
	assert "$output" lacks red
	run_natmap list --json
	assert "$(wc -l <<<"$output")" -eq 1
	assert "$output" has '"bundle":"/bundle/red \"\\"'
}

# bats test_tags=once
@test "list waits for nobody who only reads, and does not hold the lock while it prints" {
	local line
	publish web 8080:80
	mkfifo "$NM_TMP/out"
	ctr_start long
	# so much that the pipe is full and list waits for its reader
	publish "$(printf 'a%.0s' {1..1000})" "$(seq -s, 20000 20200)" pid="$(ctr_pid long)"
	mapfile -t argv < <(natmap_argv)
	# shellcheck disable=SC2016 # for that shell
	spawn host sh -c 'out=$1; shift; exec "$@" >"$out"' sh "$NM_TMP/out" "${argv[@]}" list
	exec 8<"$NM_TMP/out"
	read -r line <&8
	assert "$line" =~ ^CONTAINER
	assert "$(tr '\0' ' ' <"/proc/$spawned/cmdline")" has ' list' "it still prints"
	publish other 8081:80
	exec 8<&-
}

# bats test_tags=once
@test "list refuses options and arguments that it does not know" {
	run_natmap rc=2 list --jsn
	run_natmap rc=2 list a b
	run_natmap rc=2 list --json a b
}
