#!/usr/bin/env bats
# The command line: what each command takes, prints and returns.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap
# bats file_tags=once

load helpers/natmap

# commands: the names of all commands, as the help shows them
commands() {
	run_natmap help >/dev/null && sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$output"
}

# options: those of the synopsis on stdin
options() {
	grep -oE -- '--[a-z-]+' | sort || :
}

# misused TEXT ARGUMENT...: a usage error that names TEXT
misused() {
	run_natmap rc=2 "${@:2}" </dev/null && assert "$stderr" has "$1"
}

# tagged NODE TABLES...: its rules as a set, each with its program and table
tagged() {
	rules "$1" | awk '/\*/ { table = $0 } /^-A/ { print table, $0 }' | sort
}

@test "version prints the name and the version on one line" {
	run_natmap version
	assert "$output" =~ ^'natmap '[0-9]+\.[0-9]+\.[0-9]+$
	run_natmap --version
	assert "$output" =~ ^'natmap '[0-9]
}

@test "help shows the usage and every command that the design has so far" {
	run_natmap help
	assert "$output" =~ ^'usage: natmap '
	assert "$(commands | tr '\n' ' ')" =~ 'hook .*plan .*list .*version .*help '
	local text=$output
	run_natmap --help
	assert "$output" = "$text"
}

@test "the summaries of the help stand in one column" {
	local lines
	run_natmap help
	lines=$(sed -n 's/^  \([a-z].*\)/\1/p; /^    /p' <<<"$output")
	assert "$(wc -l <<<"$lines")" -gt 10
	# a synopsis that reaches into the column has a line of its own
	assert "$(grep -cvE '^([a-z].{27}|  .{28})  [a-z]|^[a-z].{28,}$' <<<"$lines" || :)" -eq 0 "$output"
	assert "$(grep -cE '^ {32}publish ports of a running container$' <<<"$output")" -eq 1
}

@test "every command of the help has a help of its own and is known" {
	local command
	for command in $(commands); do
		run_natmap help "$command"
		assert "$output" =~ ^"usage: natmap .*$command"
		run_natmap rc=2 "$command" --no-such-option </dev/null
		assert "$stderr" lacks "command '$command'"
	done
}

@test "the manual page has the commands of the help, no more and no fewer, each with the same options" {
	local command page
	same "the commands" "$(commands | sort)" \
		"$(sed -n '/^\.Sh COMMANDS$/,/^\.Sh ANNOTATIONS$/s/^\.It Cm \([a-z]*\).*/\1/p' "$NM_TREE/man/natmap.8" | sort)"
	# the synopses are lines of their own, without what makes letters bold
	page=$(mandoc -T ascii -O width=200 "$NM_TREE/man/natmap.8" | sed 's/.\x08//g' | sed -n '/^COMMANDS/,/^ANNOTATIONS/s/^     \([a-z]\)/\1/p')
	for command in $(commands); do
		run_natmap help "$command"
		same "the options of $command" "$(sed -n '1s/.*\[-v\]//p' <<<"$output" | options)" "$(grep -w "^$command" <<<"$page" | options)"
	done
}

@test "a usage error is exit status 2 and one line that names what is wrong" {
	misused 'no command'
	misused "'publish'" publish
	misused "'--frobnicate'" --frobnicate list
	misused "'-x'" -x list
	misused "'--frobnicate'" list --frobnicate
	misused "'two'" list one two
	misused "'nothing'" help nothing
	misused "'more'" help list more
	misused "'more'" version more
	misused "'startContainer'" hook startContainer
	misused "''" hook ''
	misused "'more'" hook poststop more
	misused "'--format'" plan --format
	misused "'yaml'" plan --format yaml
	misused "'more'" plan more
}

@test "an option without its value is a usage error" {
	local option
	for option in --config --state-dir; do
		misused "'$option'" "$option"
	done
}

@test "list without any container prints nothing and creates nothing" {
	run_natmap list
	assert "$output" = ""
	run_natmap list --json
	assert "$(jq -c . <<<"$output")" = '{"containers":[],"static":[]}'
	run_natmap list web
	assert "$output" = ""
	refute test -e "$(state_dir)"
}

@test "list in an empty state directory prints nothing and writes nothing there" {
	mkdir -m 0700 "$(state_dir)"
	run_natmap list
	assert "$output" = ""
	run_natmap list --json
	assert "$(jq -c . <<<"$output")" = '{"containers":[],"static":[]}'
	assert "$(ls "$(state_dir)")" = ""
}

@test "list shows the mappings of all containers in columns, or of the one that is asked for" {
	publish web 8080:80
	publish web2 192.0.2.1:53:5353/udp
	run_natmap list
	assert "$output" =~ ^'CONTAINER  PORTS                  STATE    CONNECTIONS  ADDRESS'$'\n'
	assert "$output" has 'web        8080:80/tcp            running            0  10.88.7.2 fd00:7::2'
	assert "$output" has 'web2       192.0.2.1:53:5353/udp  running            0  10.88.7.2'
	run_natmap list web
	assert "$output" lacks web2
	run_natmap list --json web2
	assert "$(jq -c '[.containers[] | {id, ports}]' <<<"$output")" = '[{"id":"web2","ports":["192.0.2.1:53:5353/udp"]}]'
}

@test "output that cannot be written is a failure" {
	publish web 8080:80
	local argv code
	mapfile -t argv < <(natmap_argv)
	for how in full closed; do
		code=0
		case $how in
		full) on host "${argv[@]}" list >/dev/full 2>"$NM_TMP/err" || code=$? ;;
		closed) on host "${argv[@]}" list >&- 2>"$NM_TMP/err" || code=$? ;;
		esac
		assert "$code" -eq 1 "exit status, $how"
		assert "$(<"$NM_TMP/err")" =~ ^'natmap: writing to standard output: '[^$'\n']+$
	done
}

@test "plan prints what iptables-restore and ip6tables-restore accept" {
	ctr_start web
	state web "$(ctr_pid web)" creating 'io.natmap.ports=8080:80,[::]:53:53/udp,127.0.0.2:7000-7002:8000-8002,81:81/sctp' \
		io.natmap.allow=192.0.2.0/24,fd00:99::/64 >"$NM_TMP/oci"
	run_natmap plan --format iptables <"$NM_TMP/oci"
	assert "$output" has 'DNAT --to-destination 10.88.7.2:80'
	assert "$output" has 'DNAT --to-destination [fd00:7::2]:53'
	printf '%s\n' "$output" >"$NM_TMP/plan"
	on host iptables-restore --noflush --test <"$NM_TMP/plan"
	on host ip6tables-restore --noflush --test <"$NM_TMP/plan"
	run_natmap plan <"$NM_TMP/oci"
	assert "$output" = "$(<"$NM_TMP/plan")"
}

@test "a plan, once loaded, is what the hook writes" {
	fresh_up
	ctr_start web
	state web "$(ctr_pid web)" creating 'io.natmap.ports=8080:80,[::]:53:53/udp,127.0.0.2:7000-7002:8000-8002,192.0.2.3:1-3:1-3/sctp' \
		io.natmap.allow=192.0.2.0/24,fd00:99::/64 >"$NM_TMP/oci"
	run_natmap plan <"$NM_TMP/oci"
	printf '%s\n' "$output" >"$NM_TMP/plan"
	on fresh iptables-restore --noflush <"$NM_TMP/plan"
	on fresh ip6tables-restore --noflush <"$NM_TMP/plan"
	run_natmap hook createRuntime <"$NM_TMP/oci"
	same "the plan's rules and the hook's" "$(tagged fresh)" "$(tagged host)"
}

@test "plan changes nothing, and a container without ports has an empty one" {
	local before
	before=$(snapshot host)
	ctr_start web
	run_natmap plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has natmap:web:8080
	run_natmap plan < <(state web "$(ctr_pid web)" creating)
	assert "$output" = ""
	same "the host" "$before" "$(snapshot host)"
	refute test -e "$(state_dir)"
}

@test "a plan is refused as the hook would refuse it" {
	ctr_start web
	run_natmap rc=5 plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80/icmp)
	assert "$stderr" has '8080:80/icmp'
	run_natmap rc=5 plan <<<'{"id": "web", "annotations": {"io.natmap.ports": "8080:80"}'
	config '{"policy": {"max_ports": 0}}'
	run_natmap rc=2 plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
}

@test "without CAP_NET_ADMIN publish and withdraw fail with one clear line" {
	publish web 8080:80
	local before
	before=$(snapshot host)
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	publish rc=1 other 8081:80
	assert "$stderr" has CAP_NET_ADMIN
	withdraw rc=1 web io.natmap.ports=8080:80
	assert "$stderr" has CAP_NET_ADMIN
	state plain 1 creating | run_natmap hook createRuntime
	same "the host" "$before" "$(snapshot host)"
}
