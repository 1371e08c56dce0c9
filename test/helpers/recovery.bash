# shellcheck shell=bash
# What reload, check and flush are tested with: damage to the rules, and what natmap says to it.
# shellcheck disable=SC2154 # $output comes from run_natmap

# shellcheck disable=SC2034 # for the tests: a static rule of the host, mail on 192.0.2.3 for the node ctr2
NM_STATIC='{"static": {"dnat": [{"name": "mail", "external_address": "192.0.2.3", "internal_address": "10.88.7.3", "ports": "25"}]}}'

# Kinds of differences that are not the same in both backends: packets come into natmap's own tables by hooks, not by jumps,
# and there a rule or a key of a set that is another one is not found to be a changed one.
# shellcheck disable=SC2034 # for the tests
if in_nftables; then
	NM_JUMP=() NM_CHANGED=(missing-rule stale-rule)
else
	NM_JUMP=(jump) NM_CHANGED=(changed-rule)
fi

# differs KIND...: check finds differences of these kinds (sorted), however many of each
differs() {
	run_natmap rc=3 check --json || return 1
	assert "$(grep -o '{"kind":"[a-z-]*"' <<<"$output" | cut -d '"' -f 4 | sort -u | xargs)" = "$*" "what check finds"
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

# numbered: all rules of the host with handles and counters, but for those of jumps, which other packets pass, too; and
# the elements of sets with their counters
numbered() {
	on host nft -a list ruleset 2>/dev/null |
		sed '/ jump \|@established/s/counter packets [0-9]* bytes [0-9]*/counter/' | elements_sorted
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

# translation ID:PORT: what translates IPv4 packets to that TCP port of all addresses, as nft shows it, with its counter.
# translation_take deletes it, translation_add adds one that nobody needs, translation_change has it lead to port 81.
translation() {
	if in_nftables; then
		on host nft list map ip natmap ports | grep -F "natmap:$1\""
	else
		nft_rule nat NATMAP "natmap:$1"
	fi
}

translation_take() {
	if in_nftables; then
		on host nft delete element ip natmap ports "{ tcp . ${1#*:} }"
	else
		nft_take nat NATMAP "natmap:$1"
	fi
}

translation_add() {
	if in_nftables; then
		on host nft add element ip natmap ports "{ tcp . ${1#*:} comment \"natmap:$1\" : 10.88.7.2 . 81 }"
	else
		on host nft add rule ip nat NATMAP tcp dport "${1#*:}" counter return comment "\"natmap:$1\""
	fi
}

translation_change() {
	if in_nftables; then
		translation_take "$1" && translation_add "$1"
	else
		nft_change nat NATMAP "natmap:$1" 's/:80 /:81 /'
	fi
}

# container_take ID: deletes all IPv4 rules of its only mapping, which is one of a single address
container_take() {
	if in_nftables; then
		on host nft --stateless list table ip natmap | elements_sorted |
			awk -v tag="\"natmap:$1:" '/^\t(set|map) / { set = $2 }
				index($0, tag) { sub(/ (counter|comment) .*/, ""); print "delete element ip natmap", set, "{", $0, "}" }' |
			on host nft -f -
	else
		nft_take nat NATMAP "$1" && nft_take nat OUTPUT "$1" && nft_take nat POSTROUTING "$1" && nft_take filter NATMAP "$1"
	fi
}

# Ways in which administrators empty the kernel.
flush_ruleset() {
	on host nft flush ruleset
}

flush_rules() {
	local program
	if in_nftables; then
		on host nft 'flush table ip natmap; flush table ip6 natmap'
		return
	fi
	for program in iptables ip6tables; do
		on host "$program" -F && on host "$program" -t nat -F || return 1
	done
}

flush_chains() {
	local program
	if in_nftables; then
		on host nft 'delete table ip natmap; delete table ip6 natmap'
		return
	fi
	for program in iptables ip6tables; do
		on host "$program" -F && on host "$program" -X && on host "$program" -t nat -F &&
			on host "$program" -t nat -X || return 1
	done
}

flush_elements() {
	local family
	for family in ip ip6; do
		on host nft list table "$family" natmap | sed -nE "s/^\t(set|map) ([^ ]*) \{/flush \1 $family natmap \2/p"
	done | on host nft -f -
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
	if [[ $# = 0 ]]; then
		live_ids | tr ' ' '\n' | sort | xargs
	else
		tail -n +2 "$(state_dir)/state" | jq -Rr "fromjson? | select(.live == 1) | $1" | sort | xargs
	fi
}

# tagged: ids of the containers that have rules on the host
tagged() {
	tags host | sed -n 's/^natmap:\([^@:]*\):.*/\1/p' | sort -u | xargs
}
