#!/usr/bin/env bats
# Withdrawing by the handles that the record has, without reading the chains; and reading them as before as soon as somebody
# else may have touched what is in them. Whatever has happened, the container's rules go and nobody else's do.
# bats file_tags=iptables
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, from which $status and $output come

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	strace -o /dev/null true || skip "strace does not work here"
	publish stays 8081:80
	publish web 8080:80,127.0.0.2:82:82
	run_natmap reload
}

# dumps COMMAND...: sets dumps to how many times natmap reads the rules of which chains in it, "2 NATMAP 1 OUTPUT"
dumps() {
	local NM_WRAP=(strace -qq -s 200 -e trace=sendto -o "$NM_TMP/trace") name
	"$@" || return 1
	dumps=$(sed -n 's/.*GETRULE.*NLM_F_DUMP.*nla_type=0x2}, "\([^"]*\)\\x00".*/\1/p' "$NM_TMP/trace" |
		while read -r name; do printf '%b\n' "$name"; done | sort | uniq -c | xargs)
}

# others: the rules of everybody but web
others() {
	rules host | grep -v 'natmap:web:'
}

# goes_after WHAT DUMPS COMMAND...: after COMMAND, which others do, web is withdrawn with these chains read (=~), and its rules
# alone are gone; then web is there again
goes_after() {
	local what=$1 expected=$2 before
	"${@:3}"
	before=$(others)
	dumps withdraw web
	assert "$dumps" =~ "^($expected)$" "$what: chains that are read"
	assert "$(rules host)" lacks natmap:web: "$what"
	same "rules of others, after: $what" "$before" "$(others)"
	run_natmap reload
	publish web 8080:80,127.0.0.2:82:82
	dumps withdraw web
	assert "$dumps" = "" "$what: chains that are read after a reload"
	publish web 8080:80,127.0.0.2:82:82
}

both() { # both ARGUMENT...: iptables and ip6tables
	on host iptables "$@" && on host ip6tables "$@"
}

# web's first rule in the chain, as an argument of -A
web_rule() { # web_rule PROGRAM TABLE CHAIN
	on host "$1" -t "$2" -S "$3" | sed -n '/natmap:web:/ { s/^-A [^ ]* //; s/"//g; p; q; }'
}

come_and_go() {
	both -t nat -A OUTPUT -p tcp --dport 9 -j ACCEPT
	both -t nat -D OUTPUT -p tcp --dport 9 -j ACCEPT
}

copy() { # copy TABLE CHAIN
	local p
	for p in iptables ip6tables; do
		# shellcheck disable=SC2046 # words
		on host "$p" -t "$1" -A "$2" $(web_rule "$p" "$1" "$2")
	done
}

rewrite() {
	local p
	for p in iptables ip6tables; do
		on host "$p-save" >"$NM_TMP/saved"
		on host "$p-restore" <"$NM_TMP/saved"
	done
}

zero() {
	local p n
	for p in iptables ip6tables; do
		for n in 1 2 3; do
			on host "$p" -t nat -Z NATMAP "$n" 2>/dev/null || :
		done
	done
}

# a rule of web's is another one's by now, as many as before
replace() {
	local p
	for p in iptables ip6tables; do
		# shellcheck disable=SC2046 # words
		on host "$p" -t nat -D NATMAP $(web_rule "$p" nat NATMAP)
		on host "$p" -t nat -A NATMAP -p tcp --dport 9999 -j ACCEPT
	done
}

# the table is another one by now, with rules of others in chains of the same names
impostors() {
	local chain
	on host nft 'delete table ip nat; delete table ip6 nat'
	both -t nat -N NATMAP
	for chain in OUTPUT{,,,} POSTROUTING{,,,} NATMAP{,,} PREROUTING; do
		both -t nat -A "$chain" -p tcp --dport 9 -m comment --comment stranger
	done
}

# A record that has the handle of a rule of others in the place of its own, by whatever mistake.
mistaken() {
	local handle state
	state=$(state_dir)/state
	both -t nat -A OUTPUT -p tcp --dport 9 -j ACCEPT
	run_natmap reload
	handle=$(on host nft -a list chain ip nat OUTPUT 2>/dev/null | sed -n '/dport 9 /{ s/.*handle //p; q; }')
	sed "/\"live\":1.*\"id\":\"web\"/s/ o[0-9a-f]\{8\}/ o$(printf %08x "$handle")/" "$state" >"$NM_TMP/mistaken"
	refute cmp -s "$NM_TMP/mistaken" "$state"
	cat "$NM_TMP/mistaken" >"$state" # it is the same file
}

old_record() {
	sed -i 's/,"handles":"[^"]*"//' "$(state_dir)/state"
}

# no_line: what is behind the waits in the lock file is longer than notes, and has no end
no_line() {
	printf '%01000d' 1 | dd of="$(state_dir)/lock" bs=1 seek=63 conv=notrunc status=none
}

@test "a withdraw reads no chain when nobody has added to those of containers" {
	goes_after "nothing" ""
	goes_after "a rule of others in other chains" "" both -A INPUT -p tcp --dport 9 -j ACCEPT
	goes_after "a rule of others that comes and goes" "" come_and_go
	assert_rule host natmap:stays:8081
}

@test "a publish reads no further than to the rule that all containers share" {
	local NM_WRAP=(strace -qq -e trace=recvfrom -o "$NM_TMP/trace") received
	publish many "$(seq -s , 10001 10300)"
	publish one 8085:80
	received=$(awk -F ' = ' '{ n += $NF } END { print n }' "$NM_TMP/trace")
	assert "$received" -lt 150000 "bytes that a publish receives"
	agrees
}

@test "a withdraw reads the chains to which others have added, and takes copies of its rules along" {
	goes_after "a rule of others in OUTPUT" "2 OUTPUT" both -t nat -A OUTPUT -p tcp --dport 9 -j ACCEPT
	goes_after "copies in NATMAP" "2 NATMAP" copy nat NATMAP
	goes_after "copies in POSTROUTING" "2 POSTROUTING" copy nat POSTROUTING
}

@test "a withdraw looks for its rules when others have written them anew" {
	local all='.* NATMAP .* OUTPUT .* POSTROUTING.*'
	goes_after "iptables-save, iptables-restore" "$all" rewrite
	goes_after "iptables -Z, which may write rules anew" "|$all" zero
	goes_after "a rule deleted, and one of others in its place" "$all" replace
	goes_after "a table made anew" "$all" impostors
	goes_after "a handle of another rule" "$all" mistaken
	goes_after "a record without handles" "$all" old_record
	no_line
	dumps withdraw web
	assert "$dumps" =~ "^$all$" "notes that are none: chains that are read"
	assert "$(rules host)" lacks natmap:web:
}
