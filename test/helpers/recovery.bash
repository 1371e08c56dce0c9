# shellcheck shell=bash
# What reload, check and flush are tested with: damage to the rules, and what natmap says to it.
# shellcheck disable=SC2154 # $output comes from run_natmap

# shellcheck disable=SC2034 # for the tests: a static rule of the host, mail on 192.0.2.3 for the node ctr2
NM_STATIC='{"static": {"dnat": [{"name": "mail", "external_address": "192.0.2.3", "internal_address": "10.88.7.3", "ports": "25"}]}}'

# differs KIND...: check finds differences of these kinds (sorted), however many of each
differs() {
	run_natmap rc=3 check --json || return 1
	assert "$(jq -r '.differences[].kind' <<<"$output" | sort -u | xargs)" = "$*" "what check finds"
}

# agrees: check finds nothing
agrees() {
	run_natmap check || return 1
	assert "$output" = "" "what check finds"
}

# mends KIND...: check finds differences of these kinds, and a reload leaves none
mends() {
	differs "$@" && run_natmap reload && agrees
}

# generation: grows with every transaction on the host's rules, whoever makes it
generation() {
	# shellcheck disable=SC2016 # perl's variables: nfnetlink's NFT_MSG_GETGEN, and NFTA_GEN_ID of the answer
	on host perl -e 'socket(my $s, 16, 3, 12) or die; send($s, pack("LSSLLL", 20, 0xa10, 1, 1, 0, 0), 0) or die;
		recv($s, my $m, 8192, 0) // die; print unpack("x24N", $m)'
}

# numbered: all rules of the host with handles and counters, but for those of jumps, which other packets pass, too
numbered() {
	on host nft -a list ruleset 2>/dev/null |
		sed '/ jump \|@established/s/counter packets [0-9]* bytes [0-9]*/counter/'
}

# chain_of TABLE CHAIN: its rules on the host, without the name of the chain
chain_of() {
	on host iptables -t "$1" -S "$2" | sed -n 's/^-A [^ ]* //p'
}

# nft_rule TABLE CHAIN TEXT: the first IPv4 rule there with TEXT, as nft writes it
nft_rule() {
	on host nft -a list chain ip "$1" "$2" 2>/dev/null | grep -F -m 1 -- "$3"
}

# nft_take TABLE CHAIN TEXT: deletes that rule
nft_take() {
	local rule
	rule=$(nft_rule "$@") && on host nft delete rule ip "$1" "$2" handle "${rule##* }"
}

# nft_move add|insert TABLE CHAIN TEXT: moves that rule, unchanged, to the end or the head of the chain
nft_move() {
	local rule
	rule=$(nft_rule "${@:2}") || return 1
	on host perl "$NM_TREE/test/helpers/move-rule.pl" "${@:1:3}" "${rule##* }" "$([[ "$rule" == *tcp* ]] && echo 6 || echo 0)"
}

# nft_change TABLE CHAIN TEXT SED: changes that rule, which must be one that nft can write
nft_change() {
	local rule
	rule=$(nft_rule "${@:1:3}") || return 1
	# shellcheck disable=SC2001 # a program of the caller's
	on host nft replace rule ip "$1" "$2" handle "${rule##* }" "$(sed "$4" <<<"${rule% \# handle *}")"
}

# Three ways in which administrators empty the kernel.
flush_ruleset() {
	on host nft flush ruleset
}

flush_rules() {
	local program
	for program in iptables ip6tables; do
		on host "$program" -F && on host "$program" -t nat -F || return 1
	done
}

flush_chains() {
	local program
	for program in iptables ip6tables; do
		on host "$program" -F && on host "$program" -X && on host "$program" -t nat -F &&
			on host "$program" -t nat -X || return 1
	done
}

# copy_rules: all rules as iptables-save and iptables-restore bring them back, for example at boot
copy_rules() {
	on host iptables-save >"$NM_TMP/4" && on host ip6tables-save >"$NM_TMP/6" && flush_ruleset &&
		on host iptables-restore <"$NM_TMP/4" && on host ip6tables-restore <"$NM_TMP/6"
}

# setting NAME [VALUE]: prints net/NAME of the host, or sets it
setting() {
	if [[ $# = 1 ]]; then
		on host cat "/proc/sys/net/$1"
	else
		on host sh -c "echo $2 >/proc/sys/net/$1"
	fi
}

# hairpin_of PORT: on or off
hairpin_of() {
	on host bridge -d link show dev "$1" | sed -n 's/.*hairpin \([a-z]*\).*/\1/p'
}

# live [FILTER]: ids of the live records, or what else the jq FILTER takes of them
live() {
	tail -n +2 "$(state_dir)/state" | jq -Rr "fromjson? | select(.live == 1) | ${1:-.id}" | sort | xargs
}

# tagged: ids of the containers that have rules on the host
tagged() {
	rules host | grep -o 'natmap:[^@:]*:' | cut -d: -f2 | sort -u | xargs
}
