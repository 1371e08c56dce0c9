#!/usr/bin/env bats
# Rules that iptables and nft have saved and brought back, as they do at boot: what is the same in effect is right, what keeps
# iptables from reading its tables is replaced, and nothing is left over.
#
# hosts.sh runs these tests with the tools of several releases, for HOSTS.md. NM_RELEASE=NAME: those of that folder of
# userlands.sh instead of this machine's. NM_RESULTS=FILE: adds lines "ROW<TAB>WORD", and any word will do.
# shellcheck disable=SC2154 # $output comes from run_natmap

load helpers/natmap
load helpers/recovery
load helpers/everything

setup() {
	net_up
}

teardown() {
	net_down
}

# tool COMMAND...: iptables, nft, or a shell that runs them, on the host
tool() {
	if [[ -n "${NM_RELEASE:-}" ]]; then
		on host "$NM_TREE/test/userlands.sh" run "$NM_RELEASE" "$@"
	else
		on host "$@"
	fi
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

# brings ROW EXPECTED COMMAND...: COMMAND brings all rules back, which is "right" (nothing is to be done), "replaced" (check
# and doctor tell, reload replaces them) or "refused" (the tool takes back nothing of what it has saved, reload makes all anew)
brings() {
	local row=$1 expected=$2 word=refused before made
	run_natmap reload
	before=$(rules host | sort)
	! "${@:3}" || word=replaced
	run_natmap rc=any check
	if [[ $status = 0 ]]; then
		word=right
		made=$(generation)
	elif [[ $word = replaced ]]; then
		assert "$output" has 'written by nft: iptables refuses the table'
		run_natmap rc=1 doctor
		assert "$output" has "nft has written rules of natmap's"
	fi
	run_natmap reload
	[[ $word != right ]] || assert "$(generation)" -eq "$made" "changes of a reload"
	agrees
	[[ $word != replaced ]] || run_natmap doctor
	same "rules that are $word, after a reload" "$before" "$(rules host | sort)"
	# shellcheck disable=SC2016 # for that shell
	tool sh -c 'for p in iptables ip6tables; do $p -S && $p -t nat -S || exit 1; done' >/dev/null
	if [[ -n "${NM_RESULTS:-}" ]]; then
		printf '%s\t%s\n' "$row" "$word" >>"$NM_RESULTS"
	else
		assert "$word" =~ "^($expected)$" "$row"
	fi
}

# goes COMMAND...: what COMMAND brings back goes, without a reload before
goes() {
	"$@" || :
	withdraw web
	assert "$(ruleset host)" lacks natmap:web
	run_natmap flush --force
	assert "$(ruleset host)" !~ 'natmap|NATMAP'
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
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
	brings "nft list ruleset, nft -f, where FORWARD drops" replaced by_nft
	brings "iptables-save, iptables-restore, where FORWARD drops" right by_iptables
	goes by_nft
}
