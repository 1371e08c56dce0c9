#!/usr/bin/env bats
# Rules that iptables and nft have saved and brought back, as they do at boot: what is the same in effect is right, what keeps
# iptables from reading its tables is replaced, and nothing is left over.
# packages: iptables nftables
#
# hosts.sh runs these tests with the tools of several releases, for HOSTS.md. NM_RELEASE=NAME: those of that folder of
# userlands.sh instead of this machine's. NM_RESULTS=FILE: adds lines "BACKEND<TAB>ROW<TAB>WORD", and any word will do.
# shellcheck disable=SC2154,SC2119,SC2120 # $output comes from run_natmap; options are for `brings`

load helpers/natmap
load helpers/recovery
load helpers/everything

# tool COMMAND...: iptables, nft, or a shell that runs them, on the host
tool() {
	if [[ -n "${NM_RELEASE:-}" ]]; then
		on host "$NM_TREE/test/userlands.sh" run "$NM_RELEASE" "$@"
	else
		on host "$@"
	fi
}

# shown: all rules of iptables and natmap's tables, in any order. nft 1.0.6 crashes over a range of nft 1.1.3.
shown() {
	# shellcheck disable=SC2016 # for that shell
	tool sh -c 'iptables-save; ip6tables-save; for f in ip ip6; do nft --stateless list table $f natmap 2>/dev/null; done' |
		listing | sort
}

# Ways in which rules go and come back.
by_iptables() { # by_iptables [OPTION]: of save and restore, which know nothing of natmap's own tables
	tool sh -c "iptables-save $* && echo --- && ip6tables-save $*" >"$NM_TMP/saved"
	in_nftables || flush_ruleset
	# shellcheck disable=SC2016 # for that shell
	tool sh -c 'a=$(sed /^---/q) && b=$(cat) && printf "%s\n" "${a%---}" | iptables-restore '"$*"' &&
		printf "%s\n" "$b" | ip6tables-restore '"$*" <"$NM_TMP/saved"
}

by_zeroing() {
	# shellcheck disable=SC2016 # for that shell
	tool sh -c 'for p in iptables ip6tables; do
			for t in raw nat filter; do
				echo "*$t" && $p -t $t -S | awk '\''/^-A/ { print "-Z", $2, ++n[$2] }'\'' && echo COMMIT
			done | $p-restore --noflush || exit 1
		done'
}

by_nft() { # by_nft [OPTION]
	tool nft "$@" list ruleset >"$NM_TMP/saved" 2>/dev/null
	flush_ruleset
	tool nft "$@" -f - <"$NM_TMP/saved" 2>"$NM_TMP/refusal"
}

forward_drops() {
	on host iptables -P FORWARD DROP && on host ip6tables -P FORWARD DROP
}

by_nft_dropping() {
	by_nft && return
	forward_drops
	return 1
}

# brings ROW EXPECTED COMMAND...: COMMAND brings all rules back, which is "right" (nothing is to be done), "replaced" (check
# and doctor tell, reload replaces them) or "refused" (the tool takes back nothing of what it has saved, reload makes all anew)
brings() {
	local row=$1 expected=$2 word=refused before made
	run_natmap reload
	before=$(shown)
	! "${@:3}" || word=replaced
	run_natmap rc=any check
	if [[ $status = 0 ]]; then
		word=right
		made=$(generation)
	elif [[ $word = replaced ]]; then
		assert "$output" has 'written by nft: iptables cannot read it'
		run_natmap rc=1 doctor
		assert "$output" has "nft has written rules of natmap's that iptables cannot read"
	fi
	run_natmap reload
	[[ $word != right ]] || assert "$(generation)" -eq "$made" "changes of a reload"
	agrees
	[[ $word != replaced ]] || run_natmap doctor
	same "rules that are $word, after a reload" "$before" "$(shown)"
	# shellcheck disable=SC2016 # for that shell
	tool sh -c 'for p in iptables ip6tables; do $p -S && $p -t nat -S || exit 1; done' >/dev/null
	result "$row" "$word" "$expected"
}

# result ROW WORD EXPECTED
result() {
	if [[ -n "${NM_RESULTS:-}" ]]; then
		printf '%s\t%s\t%s\n' "$NM_BACKEND" "$1" "$2" >>"$NM_RESULTS"
	else
		assert "$2" =~ "^($3)$" "$1"
	fi
}

# loses ROW EXPECTED: nft loads what iptables has restored. Most versions list such rules without their comments: "lost", so
# that natmap does not know them, and only an empty kernel helps.
loses() {
	local row=$1 expected=$2 word=refused before
	before=$(shown)
	by_iptables
	! by_nft || word=replaced
	if [[ $word = replaced && "$(tool nft list ruleset 2>/dev/null)" != *natmap:web* ]]; then
		word=lost
		flush_ruleset
	fi
	run_natmap reload
	agrees
	same "rules that were $word, after a reload" "$before" "$(shown)"
	result "$row" "$word" "$expected"
}

# goes COMMAND...: what COMMAND brings back goes, without a reload before
goes() {
	"$@" || :
	withdraw web
	assert "$(tool nft list ruleset 2>/dev/null)" lacks natmap:web
	run_natmap flush --force
	assert "$(tool nft list ruleset 2>/dev/null)" !~ 'natmap|NATMAP'
}

# bats test_tags=iptables
@test "rules that iptables restores, or whose counters it zeroes, are right" {
	static_all
	mappings
	publish range 9000-9009:9100-9109/udp,192.0.2.1:7000-7003:7000-7003
	brings "iptables-save, iptables-restore" right by_iptables
	brings "iptables-save -c, iptables-restore -c" right by_iptables -c
	brings "iptables -Z CHAIN N" right by_zeroing
	goes by_iptables
}

# bats test_tags=iptables
@test "rules for iptables that nft loads are replaced" {
	config '{}'
	publish web 8080:80,5353:53/udp,192.0.2.1:8081:81,127.0.0.2:8082:82 address=10.88.7.2/24
	brings "nft list ruleset, nft -f" replaced by_nft
	publish other 9090:90
	brings "the same, ports of both families" 'replaced|refused' by_nft
	publish range 9000-9009:9100-9109/udp
	brings "the same, ranges of ports" 'replaced|refused' by_nft
	withdraw range
	loses "iptables-save, iptables-restore, then nft list ruleset, nft -f" 'lost|refused|replaced'
	withdraw other
	goes by_nft
}

# bats test_tags=nftables
@test "tables that nft loads are right" {
	static_all
	mappings
	publish range 9000-9009:9100-9109/udp,192.0.2.1:7000-7003:7000-7003
	brings "nft list ruleset, nft -f" right by_nft
	brings "nft -j list ruleset, nft -j -f" 'right|refused' by_nft -j
	forward_drops
	brings "nft list ruleset, nft -f, where FORWARD drops" replaced by_nft_dropping
	brings "iptables-save, iptables-restore, where FORWARD drops" right by_iptables
	goes by_nft
}
