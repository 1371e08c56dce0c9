#!/usr/bin/env bats
# Comments stay short enough for nft, however long a container's id is; those of an older natmap are known.
# shellcheck disable=SC2154 # $output and $stderr come from run_natmap

load helpers/natmap

# id_of N: a container id of so many bytes
id_of() {
	printf 'c%.0s' $(seq "$1")
}

# longest_comment: how many bytes the longest comment on the host has
longest_comment() {
	on host nft list ruleset 2>/dev/null | sed -n 's/.* comment "\([^"]*\)".*/\1/p' | awk '{ if (length > n) n = length } END { print n }'
}

# loads_again: what the tool of this layout prints of the host's rules, it takes, too
loads_again() {
	if in_nftables; then
		on host nft list ruleset >"$NM_TMP/saved"
		on host nft -c -f "$NM_TMP/saved"
	else
		on host iptables-save >"$NM_TMP/saved"
		on host iptables-restore --test "$NM_TMP/saved"
	fi
}

@test "ids of 100 to 1024 bytes are published with a range of ports, listed and withdrawn; the rules can be loaded again" {
	local n id
	for n in 100 108 109 115 120 127 128 200 234 235 255 300 1024; do
		id=$(id_of "$n")
		publish "$id" pid="$(ctr_start "ctr$n")" 10000-10010:20000-20010
		assert "$(longest_comment)" -le 127
		loads_again
		run_natmap list --json
		assert "$output" has "\"$id\""
		run_natmap check
		withdraw "$id"
		assert_clean
	done
}

@test "ids that differ in their last byte alone are told apart" {
	local id
	id=$(id_of 299)
	publish "${id}a" pid="$(ctr_start a)" 10000-10010
	publish "${id}b" pid="$(ctr_start b)" 10020-10030
	withdraw "${id}a"
	run_natmap check
	run_natmap list
	assert "$output" has 10020
	assert "$output" lacks 10000
	withdraw "${id}b"
	assert_clean
}

@test "plan --format nft of a long id is taken by nft" {
	config '{"backend": "nftables"}'
	state "$(id_of 300)" "$(ctr_start web)" creating io.natmap.ports=10000-10010:20000-20010 >"$NM_TMP/oci"
	run_natmap plan --format nft <"$NM_TMP/oci"
	printf '%s\n' "$output" >"$NM_TMP/plan"
	on host nft -f "$NM_TMP/plan"
}

# older: a rule of the container, as natmap 0.1.0 tagged it
older() {
	on host iptables -t nat -A NATMAP -p tcp -m tcp --dport 8081 -m comment --comment "natmap:$1:8081" -j DNAT --to-destination 10.88.0.2:81
}

# iptables alone: nft writes no such comment of an element; test_nftables_claims.c does
# bats test_tags=iptables
@test "rules with the comments of an older natmap are known as the container's" {
	local id
	id=$(id_of 200)
	publish "$id" 8080:80
	older "$id"
	run_natmap rc=3 check
	run_natmap reload
	run_natmap check
	older "$id"
	withdraw "$id"
	assert_clean
}
