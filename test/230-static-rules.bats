#!/usr/bin/env bats
# Static NAT of the configuration: its rules as iptables or nft shows them, where they stand, and what they get in the way of.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap
load helpers/everything

dnat() {
	static "\"dnat\": [{\"name\": \"x\", $1}]"
}

hairpin() {
	static "\"hairpin\": [{\"name\": \"x\", $1}]"
}

# tagged PROGRAM: the rules of static NAT on the host, each as "TABLE RULE", RULE without the -A
tagged() {
	on host "$1-save" | awk '/^\*/ { table = substr($1, 2) } /^-A.*"natmap:@[a-z]+\// { sub("^-A ", ""); print table, $0 }'
}

# loads PROGRAM: reload makes the rules on stdin, and no others
loads() {
	run_natmap reload || return 1
	same "$1" "$(cat)" "$(tagged "$1")"
}

# postrouting: the targets there, in order
postrouting() {
	on host iptables -t nat -S POSTROUTING | grep -o -- '-j .*' | cut -d' ' -f2 | uniq | xargs
}

# conflict DNAT MAPPING: each is refused while the other is there, and the message names both
conflict() {
	dnat "$1"
	run_natmap reload || return 1
	undisturbed publish rc=4 web "$2" || return 1
	assert "$stderr" = "natmap: container 'web': port mapping '$2': the host port is taken by static dnat rule 'x'" || return 1
	config '{}'
	run_natmap reload && publish web "$2" || return 1
	dnat "$1"
	undisturbed run_natmap rc=4 reload || return 1
	assert "$stderr" has "container 'web'" && assert "$stderr" has "static dnat rule 'x'" || return 1
	withdraw web && run_natmap reload
}

# no_conflict MAPPING...: both are put in place, in either order, beside the configured static rules
no_conflict() {
	run_natmap reload && publish web "$@" || return 1
	run_natmap reload && withdraw web
}

# wrong MESSAGE JSON: reload refuses it
wrong() {
	static "$2"
	undisturbed run_natmap rc=2 reload || return 1
	assert "$stderr" = "natmap: $NM_TMP/natmap.json: static.$1"
}

# bats test_tags=iptables
@test "dnat with an external address: in PREROUTING and OUTPUT, accepted for that address only" {
	dnat '"external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25,465"'
	loads iptables <<-'END'
		filter NATMAP -d 10.88.7.2/32 -p tcp -m tcp --dport 25 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 25 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		filter NATMAP -d 10.88.7.2/32 -p tcp -m tcp --dport 465 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 465 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		nat PREROUTING -d 203.0.113.43/32 -p tcp -m multiport --dports 25,465 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
		nat OUTPUT -d 203.0.113.43/32 -p tcp -m multiport --dports 25,465 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
	END
	assert "$(tagged ip6tables)" = ""
}

# bats test_tags=iptables
@test "dnat on an interface: what the host itself sends is not bound to it" {
	dnat '"external_address": "203.0.113.43", "external_interface": "up0", "internal_address": "10.88.7.2", "ports": "8000-8010", "protocol": "udp"'
	loads iptables <<-'END'
		filter NATMAP -d 10.88.7.2/32 -p udp -m udp --dport 8000:8010 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 8000:8010 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		nat PREROUTING -d 203.0.113.43/32 -i up0 -p udp -m udp --dport 8000:8010 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
		nat OUTPUT -d 203.0.113.43/32 -p udp -m udp --dport 8000:8010 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
	END
}

# bats test_tags=iptables
@test "dnat without an external address: in NATMAP, which only the host's own addresses reach" {
	dnat '"internal_address": "10.88.7.2", "external_interface": "up0", "ports": "26", "protocol": "sctp"'
	loads iptables <<-'END'
		filter NATMAP -d 10.88.7.2/32 -p sctp -m sctp --dport 26 -m conntrack --ctstate DNAT --ctorigdstport 26 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		nat NATMAP -i up0 -p sctp -m sctp --dport 26 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
	END
	assert_rule host '-A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP'
}

# bats test_tags=iptables
@test "more than fifteen ports, a range being two, are split over several multiport rules" {
	dnat '"internal_address": "10.88.7.2", "ports": "1,2,3,4,5,6,7,8,9,10,11,12,13,14,16-17,19-20,22"'
	run_natmap reload
	assert "$(tagged iptables | grep -c '^filter NATMAP .*-j ACCEPT$')" -eq 17 "what is accepted, a rule for each"
	same "nat" 'nat NATMAP -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2
nat NATMAP -p tcp -m multiport --dports 16:17,19:20,22 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination 10.88.7.2' "$(tagged iptables | grep '^nat')"
}

# bats test_tags=iptables
@test "dnat over IPv6 leaves link-local clients to the host" {
	static '"dnat": [
		{"name": "x", "external_address": "fd00:98::43", "external_interface": "up0", "internal_address": "fd00:7::2", "ports": "25,30-31"},
		{"name": "y", "internal_address": "fd00:7::2", "ports": "26", "protocol": "udp"}]'
	loads ip6tables <<-'END'
		filter NATMAP -d fd00:7::2/128 -p tcp -m tcp --dport 25 -m conntrack --ctstate DNAT --ctorigdst fd00:98::43 --ctorigdstport 25 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		filter NATMAP -d fd00:7::2/128 -p tcp -m tcp --dport 30:31 -m conntrack --ctstate DNAT --ctorigdst fd00:98::43 --ctorigdstport 30:31 -m comment --comment "natmap:@dnat/x" -j ACCEPT
		filter NATMAP -d fd00:7::2/128 -p udp -m udp --dport 26 -m conntrack --ctstate DNAT --ctorigdstport 26 -m comment --comment "natmap:@dnat/y" -j ACCEPT
		nat PREROUTING ! -s fe80::/10 -d fd00:98::43/128 -i up0 -p tcp -m multiport --dports 25,30:31 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination fd00:7::2
		nat OUTPUT ! -s fe80::/10 -d fd00:98::43/128 -p tcp -m multiport --dports 25,30:31 -m comment --comment "natmap:@dnat/x" -j DNAT --to-destination fd00:7::2
		nat NATMAP ! -s fe80::/10 -p udp -m udp --dport 26 -m comment --comment "natmap:@dnat/y" -j DNAT --to-destination fd00:7::2
	END
	assert "$(tagged iptables)" = ""
}

# bats test_tags=iptables
@test "snat of an address or a network, on an interface or on all, opens nothing" {
	static '"snat": [
		{"name": "one", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"},
		{"name": "six", "internal_address": "fd00:7::2/64", "external_address": "fd00:98::43"},
		{"name": "net", "internal_address": "10.88.8.77/24", "external_address": "203.0.113.44", "external_interface": "up0"}]'
	loads ip6tables <<-'END'
		nat POSTROUTING -s fd00:7::/64 -m comment --comment "natmap:@snat/six" -j SNAT --to-source fd00:98::43
	END
	same iptables 'nat POSTROUTING -s 10.88.7.2/32 -m comment --comment "natmap:@snat/one" -j SNAT --to-source 203.0.113.43
nat POSTROUTING -s 10.88.8.0/24 -o up0 -m comment --comment "natmap:@snat/net" -j SNAT --to-source 203.0.113.44' "$(tagged iptables | sort)"
}

# bats test_tags=iptables
@test "hairpin for the internal host itself: translated, accepted, masqueraded" {
	hairpin '"external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25"'
	loads iptables <<-'END'
		filter NATMAP -s 10.88.7.2/32 -d 10.88.7.2/32 -p tcp -m tcp --dport 25 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 25 -m comment --comment "natmap:@hairpin/x" -j ACCEPT
		nat PREROUTING -s 10.88.7.2/32 -d 203.0.113.43/32 -p tcp -m tcp --dport 25 -m comment --comment "natmap:@hairpin/x" -j DNAT --to-destination 10.88.7.2
		nat POSTROUTING -s 10.88.7.2/32 -d 10.88.7.2/32 -p tcp -m tcp --dport 25 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 25 -m comment --comment "natmap:@hairpin/x" -j MASQUERADE
	END
	hairpin '"external_address": "fd00:98::43", "internal_address": "fd00:7::2", "ports": "25-26", "protocol": "udp"'
	loads ip6tables <<-'END'
		filter NATMAP -s fd00:7::2/128 -d fd00:7::2/128 -p udp -m udp --dport 25:26 -m conntrack --ctstate DNAT --ctorigdst fd00:98::43 --ctorigdstport 25:26 -m comment --comment "natmap:@hairpin/x" -j ACCEPT
		nat PREROUTING -s fd00:7::2/128 -d fd00:98::43/128 -p udp -m udp --dport 25:26 -m comment --comment "natmap:@hairpin/x" -j DNAT --to-destination fd00:7::2
		nat POSTROUTING -s fd00:7::2/128 -d fd00:7::2/128 -p udp -m udp --dport 25:26 -m conntrack --ctstate DNAT --ctorigdst fd00:98::43 --ctorigdstport 25:26 -m comment --comment "natmap:@hairpin/x" -j MASQUERADE
	END
	assert "$(tagged iptables)" = "" "of the hairpin that is configured no more"
}

# bats test_tags=iptables
@test "hairpin with a lan is a MASQUERADE for its hosts and nothing else" {
	hairpin '"external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25", "lan": "10.88.7.9/24"'
	loads iptables <<-'END'
		nat POSTROUTING -s 10.88.7.0/24 -d 10.88.7.2/32 -p tcp -m tcp --dport 25 -m conntrack --ctstate DNAT --ctorigdst 203.0.113.43 --ctorigdstport 25 -m comment --comment "natmap:@hairpin/x" -j MASQUERADE
	END
	hairpin '"external_address": "fd00:98::43", "internal_address": "fd00:7::2", "ports": "25", "protocol": "sctp", "lan": "fd00:7::/64"'
	loads ip6tables <<-'END'
		nat POSTROUTING -s fd00:7::/64 -d fd00:7::2/128 -p sctp -m sctp --dport 25 -m conntrack --ctstate DNAT --ctorigdst fd00:98::43 --ctorigdstport 25 -m comment --comment "natmap:@hairpin/x" -j MASQUERADE
	END
}

# bats test_tags=iptables
@test "every static rule is found and deleted by iptables with its own text, and comes back with the next reload" {
	local program table rule n=0 before
	static_all
	run_natmap reload
	before=$(rules host)
	for program in iptables ip6tables; do
		while read -r table rule; do
			eval "on host $program -t $table -C $rule" || fail "not found: $program -t $table -C $rule"
			eval "on host $program -t $table -D $rule" || fail "not deleted: $program -t $table -D $rule"
			n=$((n + 1))
		done < <(tagged "$program")
	done
	assert "$n" -gt 40
	assert_no_rule host 'natmap:@dnat'
	assert_no_rule host 'natmap:@snat'
	assert_no_rule host 'natmap:@hairpin'
	run_natmap reload
	same "rules after the next reload" "$before" "$(rules host)"
}

# bats test_tags=iptables
@test "what the kernel shows can be loaded by iptables-restore elsewhere and is the same there" {
	local program
	fresh_up
	static_all
	run_natmap reload
	for program in iptables ip6tables; do
		on host "$program-save" >"$NM_TMP/$program"
		on fresh "$program-restore" <"$NM_TMP/$program"
	done
	same "iptables-save" "$(rules host)" "$(rules fresh)"
}

# shows FAMILY CHAIN: that chain of natmap's table has the rules on stdin, and no others
shows() {
	same "$1 $2" "$(cat)" "$(on host nft --stateless list chain "$1" natmap "$2" | sed -n 's/^\t\t\([^t].*\) comment .*@\(.*\)"/\2: \1/p')"
}

# bats test_tags=nftables
@test "each static rule is one of natmap's own tables, in the chain where its packets pass" {
	static_all
	run_natmap reload
	shows ip static_prerouting <<-'END'
		dnat/ext: ip daddr 203.0.113.43 tcp dport 25 counter dnat to 10.88.7.2
		dnat/if: iifname "up0" ip daddr 203.0.113.44 udp dport 25 counter dnat to 10.88.7.2
		dnat/if: iifname "up0" ip daddr 203.0.113.44 udp dport 465 counter dnat to 10.88.7.2
		dnat/if: iifname "up0" ip daddr 203.0.113.44 udp dport 8000-8010 counter dnat to 10.88.7.2
		hairpin/self: ip saddr 10.88.7.2 ip daddr 203.0.113.43 tcp dport 25 counter dnat to 10.88.7.2
		hairpin/self: ip saddr 10.88.7.2 ip daddr 203.0.113.43 tcp dport 30-31 counter dnat to 10.88.7.2
	END
	shows ip static_output <<-'END'
		dnat/ext: ip daddr 203.0.113.43 tcp dport 25 counter dnat to 10.88.7.2
		dnat/if: ip daddr 203.0.113.44 udp dport 25 counter dnat to 10.88.7.2
		dnat/if: ip daddr 203.0.113.44 udp dport 465 counter dnat to 10.88.7.2
		dnat/if: ip daddr 203.0.113.44 udp dport 8000-8010 counter dnat to 10.88.7.2
	END
	shows ip6 static_translate <<-'END'
		dnat/sixany: iifname "up0" ip6 saddr != fe80::/10 tcp dport 26-27 counter dnat to fd00:7::2
	END
	shows ip6 static_forward <<-'END'
		dnat/six: ip6 daddr fd00:7::2 tcp dport 25 ct status dnat ct original proto-dst 25 ct original ip6 daddr fd00:98::43 counter goto pass
		dnat/six: ip6 daddr fd00:7::2 tcp dport 30 ct status dnat ct original proto-dst 30 ct original ip6 daddr fd00:98::43 counter goto pass
		dnat/sixany: ip6 daddr fd00:7::2 tcp dport 26-27 ct status dnat ct original proto-dst 26-27 counter goto pass
		hairpin/six: ip6 saddr fd00:7::2 ip6 daddr fd00:7::2 udp dport 25 ct status dnat ct original proto-dst 25 ct original ip6 daddr fd00:98::43 counter goto pass
	END
	# hairpins before SNAT, and the more specific SNAT before that of its network
	shows ip static_postrouting <<-'END'
		hairpin/lan: ip saddr 10.88.7.0/24 ip daddr 10.88.7.2 tcp dport 30-31 ct status dnat ct original proto-dst 30-31 ct original ip daddr 203.0.113.43 counter masquerade
		hairpin/lan: ip saddr 10.88.7.0/24 ip daddr 10.88.7.2 tcp dport 25 ct status dnat ct original proto-dst 25 ct original ip daddr 203.0.113.43 counter masquerade
		hairpin/self: ip saddr 10.88.7.2 ip daddr 10.88.7.2 tcp dport 30-31 ct status dnat ct original proto-dst 30-31 ct original ip daddr 203.0.113.43 counter masquerade
		hairpin/self: ip saddr 10.88.7.2 ip daddr 10.88.7.2 tcp dport 25 ct status dnat ct original proto-dst 25 ct original ip daddr 203.0.113.43 counter masquerade
		snat/ext: ip saddr 10.88.7.2 counter snat to 203.0.113.43
		snat/net: oifname "up0" ip saddr 10.88.7.0/24 counter snat to 203.0.113.44
	END
	assert "$(on host iptables-save)$(on host ip6tables-save)" = "" "rules of iptables"
}

@test "a second reload changes nothing, and one without static rules removes them all" {
	local before handles
	static_all
	run_natmap reload
	config '{}'
	run_natmap reload
	before=$(snapshot host)
	static_all
	run_natmap rc=3 check
	run_natmap reload
	run_natmap check
	handles=$(on host nft --stateless -a list ruleset 2>/dev/null)
	run_natmap reload
	same "handles" "$handles" "$(on host nft --stateless -a list ruleset 2>/dev/null)"
	config '{}'
	run_natmap rc=3 check
	run_natmap reload
	same "the host" "$before" "$(snapshot host)"
}

# bats test_tags=once
@test "a mapping and a static rule for the same port exclude each other, whichever came first" {
	conflict '"internal_address": "10.88.7.2", "ports": "8080"' 8080:80/tcp
	conflict '"internal_address": "10.88.7.2", "ports": "1,8000-8100"' 192.0.2.1:8079-8081:79-81/tcp
	conflict '"external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "8080"' 8080:80/tcp
	conflict '"external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "8080", "protocol": "udp"' 192.0.2.3:8080:80/udp
	conflict '"external_address": "fd00:99::3", "internal_address": "fd00:7::2", "ports": "8080"' '[fd00:99::3]:8080:80/tcp'
	conflict '"external_interface": "up0", "internal_address": "fd00:7::2", "ports": "8080"' '[::]:8080:80/tcp'
}

@test "another protocol, address, family or port is no conflict" {
	dnat '"external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "8080,8082"'
	no_conflict 8080:80/udp 8080:80/sctp
	no_conflict 192.0.2.1:8080:80 127.0.0.1:8080:80
	no_conflict '[::]:8080:80'
	no_conflict 8081:80 8083-8090:83-90
}

# bats test_tags=once
@test "a hairpin for the internal host itself is in a mapping's way, one with a lan and a snat are not" {
	hairpin '"external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "8080"'
	run_natmap reload
	undisturbed publish rc=4 web 8080:80
	assert "$stderr" has "static hairpin rule 'x'"
	hairpin '"external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "8080", "lan": "10.88.7.0/24"'
	no_conflict 8080:80
	static '"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "192.0.2.3"}]'
	no_conflict 192.0.2.3:8080:80
}

# bats test_tags=once
@test "a port that natmap chooses is none of a static rule's" {
	config '{"dynamic_ports": "61000-61003",
		"static": {"dnat": [{"name": "x", "internal_address": "10.88.7.2", "ports": "61000-61002"}]}}'
	run_natmap reload
	publish web 0:80
	assert "$(jq -r 'select(.live == 1) | .ports[]' "$NM_TMP/state/state")" = 61003:80/tcp
	publish udp 0:80/udp 0:81/udp 0:82/udp 0:83/udp
	ctr_start other ctr2
	undisturbed publish rc=4 other 0:80
	assert "$stderr" has 61000-61003
}

# bats test_tags=once
@test "a name is unique in its kind only" {
	static '"dnat": [{"name": "x", "internal_address": "10.88.7.2", "ports": "25"}],
		"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"}],
		"hairpin": [{"name": "x", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25"}]'
	run_natmap reload
	assert_rule host natmap:@dnat/x
	assert_rule host natmap:@snat/x
	assert_rule host natmap:@hairpin/x
	wrong 'snat[1].name: expected another name than that of static.snat[0]' '"snat": [
		{"name": "x", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"},
		{"name": "x", "internal_address": "10.88.7.3", "external_address": "203.0.113.43"}]'
}

# bats test_tags=once
@test "what is wrong in static stops reload, with the file, the place and what is expected, and changes nothing" {
	dnat '"internal_address": "10.88.7.2", "ports": "25"'
	run_natmap reload
	publish web 8080:80
	wrong 'dnat[0].portz: unknown key' '"dnat": [{"name": "x", "portz": "25"}]'
	wrong 'dnat[0]: internal_address is missing' '"dnat": [{"name": "x", "ports": "25"}]'
	wrong 'dnat[0].ports: expected a list of ports and ranges such as "25,465,8000-8010"' \
		'"dnat": [{"name": "x", "internal_address": "10.88.7.2", "ports": "25-"}]'
	wrong 'dnat[1].ports: expected other ports than those of static.dnat[0]' '"dnat": [
		{"name": "x", "internal_address": "10.88.7.2", "ports": "20-30"},
		{"name": "y", "internal_address": "10.88.7.3", "external_address": "192.0.2.3", "ports": "25"}]'
	wrong 'snat[0]: the addresses are not all IPv4 or all IPv6' \
		'"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "fd00:98::43"}]'
	wrong 'hairpin[0].lan: expected an address or network such as "10.10.10.0/24"' \
		'"hairpin": [{"name": "x", "lan": "10.88.7.0/33"}]'
	wrong 'hairpin[0].external_address: expected an address that is not loopback' \
		'"hairpin": [{"name": "x", "external_address": "127.0.0.1"}]'
	assert_rule host natmap:@dnat/x
}

# bats test_tags=iptables
@test "in POSTROUTING containers' MASQUERADE stands before static SNAT, and that before others' rules, whichever came first" {
	local snat='"snat": [{"name": "x", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"}]'
	local lan='"hairpin": [{"name": "x", "external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "25", "lan": "10.88.7.0/24"}]'
	on host iptables -t nat -A POSTROUTING -o up0 -j LOG
	on host iptables -t nat -A POSTROUTING -o up0 -j RETURN
	publish web 8080:80
	static "$snat"
	run_natmap reload
	assert "$(postrouting)" = 'MASQUERADE SNAT LOG RETURN' "the SNAT later"
	publish other 8081:80
	assert "$(postrouting)" = 'MASQUERADE SNAT LOG RETURN' "another container later"
	static "$snat, $lan"
	run_natmap reload
	assert "$(postrouting)" = 'MASQUERADE SNAT LOG RETURN' "a hairpin later"
	run_natmap add web 8082:82
	assert "$(postrouting)" = 'MASQUERADE SNAT LOG RETURN' "one more port later"
	withdraw web
	withdraw other
	config '{}'
	run_natmap reload
	assert "$(postrouting)" = 'LOG RETURN'
	static "$snat"
	run_natmap reload
	publish web 8080:80
	assert "$(postrouting)" = 'MASQUERADE SNAT LOG RETURN' "the SNAT first"
	on host iptables -t nat -I POSTROUTING -j ACCEPT
	run_natmap reload
	assert "$(postrouting)" = 'MASQUERADE SNAT ACCEPT LOG RETURN' "after a rule that was inserted"
}
