#!/usr/bin/env bats
# The backend that natmap chooses itself, and that it stays with.
# shellcheck disable=SC2154 # $output and $stderr come from run_natmap
# bats file_tags=once

load helpers/natmap
load helpers/lacking

setup() {
	net_up
	config '{"backend": "auto"}'
}

# backends: those of the containers that are recorded, each once
backends() {
	sed -n 's/^{"live":1,.*"backend":"\([^"]*\)".*/\1/p' "$NM_TMP/state/state" | sort -u
}

# chosen BACKEND: that is where a container's port is published, and nothing is in the other one
chosen() {
	publish web 8080:80
	assert "$(backends)" = "$1" || return 1
	if [[ $1 = nftables ]]; then
		assert "$(on host nft list table ip natmap)" has natmap:web:8080
		assert "$(on host iptables-save; on host ip6tables-save)" lacks NATMAP
	else
		assert "$(ruleset host)" lacks 'table ip natmap'
		assert "$(on host iptables-save)" has natmap:web:8080
	fi
	run_natmap check
}

@test "a plan is for the backend that would be chosen" {
	ctr_start web >/dev/null
	run_natmap plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has '-A NATMAP'
	lacking_xt
	run_natmap plan < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has 'table ip natmap'
	lacking
	run_natmap plan --format nft < <(state web "$(ctr_pid web)" creating io.natmap.ports=8080:80)
	assert "$output" has 'table ip natmap'
}

@test "it is the default, and iptables where the kernel has every extension, whatever tables there are" {
	local table
	config '{}'
	for table in 'inet filter' 'ip mangle' 'ip filter' 'ip nat' 'ip6 filter' 'ip6 nat'; do
		chosen iptables
		on host nft flush ruleset
		rm -r "$(state_dir)"
		on host nft "add table $table"
	done
	chosen iptables
}

@test "a kernel that lacks an extension of iptables gets nftables, also beside tables that iptables made" {
	local lacking
	serve ctr tcp 80 web
	config '{}'
	on host nft 'add table ip nat; add chain ip nat PREROUTING { type nat hook prerouting priority -100; }'
	on host iptables -A INPUT -s 192.0.2.99 -j DROP
	for lacking in '11 match target' tcp udp multiport addrtype conntrack DNAT MASQUERADE; do
		# shellcheck disable=SC2086 # words
		lacking $lacking
		chosen nftables
		assert_reach web ext tcp 192.0.2.1 8080
		run_natmap doctor
		run_natmap flush --force
	done
	assert "$(on host iptables -S INPUT)" has 192.0.2.99
	lacking
	chosen iptables
}

@test "an explicit iptables stays, and the error names what the kernel lacks and whether nftables has all" {
	config '{"backend": "iptables"}'
	lacking_xt
	publish rc=1 web 8080:80
	assert "$stderr" has "the kernel has no nft_compat (module nft_compat), but all that \"backend\": \"nftables\" needs"
	lacking addrtype masq
	publish rc=1 web 8080:80
	assert "$stderr" has "the kernel has no match 'addrtype' of revision 1 (module xt_addrtype)"
	assert "$stderr" lacks nftables
	lacking sctp
	publish rc=1 web 8080:80/sctp
	assert "$stderr" has "the kernel has no match 'sctp' of revision 0 (module xt_sctp), but all that \"backend\": \"nftables\" needs"
	lacking addrtype
	config '{"backend": "iptables", "static": {"dnat": [{"name": "mail", "internal_address": "10.88.7.2", "ports": "25"}]}}'
	run_natmap rc=1 reload
	assert "$stderr" has "the kernel has no match 'addrtype' of revision 1 (module xt_addrtype), but all"
	config '{"backend": "nftables"}'
	lacking fib
	publish rc=1 web 8080:80
	assert "$stderr" has "the kernel has no nf_tables expression 'fib' (module nft_fib_ipv4), but all that \"backend\": \"iptables\""
	lacking
	assert "$(backends)" = ""
}

@test "the records tell, too, where natmap is, when the kernel has lost its rules" {
	local backend
	for backend in nftables iptables; do
		config "{\"backend\": \"$backend\"}"
		publish one 8081:80
		on host nft flush ruleset
		config '{}'
		publish web 8080:80
		assert "$(backends)" = $backend
		run_natmap reload
		chosen $backend
		run_natmap flush --force
	done
}

# asks ID PORTS: sets $asked to how often publishing them asked the kernel for an extension
asks() {
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(strace -qq -o "$NM_TMP/trace" -e trace=sendto)
	publish "$@"
	lacking
	assert "$(grep -c NFTABLES "$NM_TMP/trace")" -gt 2 requests
	asked=$(grep -c NFT_COMPAT "$NM_TMP/trace") || :
}

@test "where natmap is, the kernel is not asked for extensions" {
	local backend
	asks one 8081:80
	assert "$asked" -gt 0 questions
	for backend in iptables nftables; do
		config "{\"backend\": \"$backend\"}"
		run_natmap reload
		config '{}'
		asks two 8082:80
		assert "$asked" -eq 0 questions
		withdraw two
	done
}

# fail_send WHEN: from now on this sendto() of natmap fails; N+: this one and all behind it
fail_send() {
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(strace -qq -o /dev/null -e trace=sendto -e "inject=sendto:error=ENOBUFS:syscall=getpid:when=$1")
}

@test "a question that fails says nothing about the kernel" {
	local first
	asks web 8080:80
	first=$(awk '/NFT_COMPAT/ { print NR; exit }' "$NM_TMP/trace")
	withdraw web
	run_natmap flush
	fail_send "$first"
	publish web 8080:80
	assert "$(backends)" = iptables
	lacking
	withdraw web
	run_natmap flush
	fail_send "$first+"
	publish rc=1 web 8080:80
	assert "$stderr" has 'choosing the backend: asking the kernel for extensions of iptables: '
}

@test "iptables stays where natmap is there already" {
	local table
	config '{"backend": "iptables"}'
	publish one 8081:80
	config '{"backend": "auto"}'
	chosen iptables
	withdraw one
	withdraw web
	# only the chain is left
	for table in 'ip filter' 'ip nat' 'ip6 filter' 'ip6 nat'; do
		on host nft flush ruleset
		on host nft "add table $table; add chain $table NATMAP"
		chosen iptables
		withdraw web
	done
}

@test "where natmap is in both, as after a change of the configuration, it is nftables" {
	config '{"backend": "iptables"}'
	publish one 8081:80
	config '{"backend": "nftables"}'
	publish two 8082:80
	config '{"backend": "auto"}'
	publish three 8083:80
	assert "$(jq -r 'select(.live == 1) | .id + " " + .backend' "$(state_dir)/state" | sort | xargs)" = \
		'one iptables three nftables two nftables'
	run_natmap reload
	assert "$(backends)" = nftables
	assert "$(on host iptables-save)" lacks NATMAP
	run_natmap check
}

@test "a reload moves nothing" {
	local backend before
	for backend in iptables nftables; do
		config "{\"backend\": \"$backend\"}"
		run_natmap reload
		publish web 8080:80
		before=$(on host nft --handle --stateless list ruleset 2>/dev/null)
		config '{"backend": "auto"}'
		run_natmap check
		run_natmap reload
		same "the ruleset, reloaded in $backend" "$before" "$(on host nft --handle --stateless list ruleset 2>/dev/null)"
		assert "$(backends)" = $backend
	done
}

@test "static rules are in the backend that a reload chooses, and counted there" {
	config '{"backend": "auto", "static": {"dnat": [{"name": "mail", "external_address": "192.0.2.1",
		"internal_address": "10.88.7.2", "ports": "80", "protocol": "tcp"}]}}'
	serve ctr tcp 80 mail
	lacking_xt
	run_natmap reload
	lacking
	assert "$(on host nft list table ip natmap)" has natmap:@dnat/mail
	assert_reach mail ext tcp 192.0.2.1 80
	run_natmap list --json
	assert "$(packets_after '"static":[')" -eq 1
	run_natmap flush
	run_natmap reload
	assert "$(on host iptables-save)" has natmap:@dnat/mail
	assert_reach mail ext tcp 192.0.2.1 80
	run_natmap list --json
	assert "$(packets_after '"static":[')" -eq 1
}

@test "where somebody else has a table natmap it is iptables" {
	on host nft 'add table ip6 natmap; add chain ip6 natmap theirs'
	publish web 8080:80
	assert "$(backends)" = iptables
	run_natmap check
}

# publish_nth N: publishes container cN
publish_nth() {
	publish "c$1" "$((8000 + $1)):80"
}

@test "many hooks at once on an empty host choose the same" {
	local i
	for i in {1..8}; do
		ctr_start "c$i" >/dev/null
	done
	at_once 8 publish_nth
	assert "$(backends)" = iptables
	run_natmap check
}

@test "a withdraw does not choose, and looking does not leave anything behind" {
	local before
	publish web 8080:80
	on host iptables -N OTHER
	withdraw web
	assert_clean
	run_natmap flush
	on host iptables -X OTHER
	on host nft flush ruleset
	before=$(snapshot host)
	run_natmap list
	run_natmap check
	run_natmap doctor
	same "the host" "$before" "$(snapshot host)"
}
