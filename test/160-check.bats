#!/usr/bin/env bats
# check: each way in which kernel, state and configuration can differ is told in one line, and nothing is changed.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/lacking
load helpers/recovery

# tells N KIND TEXT: check finds N differences, all of that kind, one with TEXT; in lines and in JSON the same; and
# neither host nor state is changed
tells() {
	local host state lines line json=""
	host=$(snapshot host)
	state=$(cat "$(state_dir)/state" 2>&1) || :
	run_natmap rc=3 check || return 1
	lines=$output
	assert "$stderr" = "" || return 1
	assert "$(wc -l <<<"$lines")" -eq "$1" lines && assert "$lines" has "$3" || return 1
	run_natmap rc=3 check --json || return 1
	while read -r line; do
		json_string line "$line"
		json+="${json:+,}{\"kind\":\"$2\",\"text\":$line}"
	done <<<"$lines"
	same "lines and JSON" "{\"differences\":[$json]}" "$output" || return 1
	same "the host" "$host" "$(snapshot host)" || return 1
	same "the state" "$state" "$(cat "$(state_dir)/state" 2>&1 || :)"
}

# count EXPRESSION: rules and elements whose comment matches
count() {
	on host nft list ruleset 2>/dev/null | elements_sorted | grep -c "natmap:\($1\)"
}

@test "a host where natmap never was has no differences, and check leaves it so" {
	local before
	before=$(snapshot host)
	agrees
	run_natmap check --json
	assert "$output" = '{"differences":[]}'
	same "the host" "$before" "$(snapshot host)"
	refute test -e "$(state_dir)"
}

@test "a host with published containers has no differences, nor one after the last has left, nor with others' rules" {
	publish web 8080:80,127.0.0.2:81:81 allow=192.0.2.0/24
	publish other '[::]:8081:80/udp'
	agrees
	on host iptables -A INPUT -s 10.9.0.0/16 -m comment --comment my-natmap:web:80 -j DROP
	on host iptables -t nat -A POSTROUTING -s 10.88.7.0/24 -j MASQUERADE
	in_nftables || on host iptables -I DOCKER-USER -s 192.0.2.9 -j DROP
	agrees
	withdraw web
	agrees
	withdraw other
	agrees
}

@test "missing-rule: a rule of a container is not there" {
	local text="iptables -t nat: rule '-A NATMAP -p tcp -m tcp --dport 8080"
	! in_nftables || text="nft table ip natmap, ports: 'natmap:web:8080' is missing"
	publish web 8080:80
	translation_take web:8080
	tells 1 missing-rule "$text"
}

@test "missing-rule: all that is missing of a container is one difference, and doctor counts rules" {
	local lines
	publish web 8080:80
	publish two 8090-8093:90-93 pid="$(ctr_start two ctr2)"
	on host nft flush ruleset
	run_natmap rc=3 check
	lines=$(grep "natmap:\(web\|two\):" <<<"$output")
	assert "$(wc -l <<<"$lines")" -eq 2
	assert "$lines" =~ "natmap:two:".*", and "[0-9]+" more of container 'two'"
	assert "$lines" =~ "natmap:web:".*", and "[0-9]+" more of container 'web'"
	run_natmap rc=1 doctor
	assert "${output%% *}" -gt 25 "rules that doctor counts"
}

@test "missing-rule: static rules that no reload has brought yet, also with a family of their own" {
	publish web 192.0.2.1:8080:80
	config "$NM_STATIC"
	tells 3 missing-rule natmap:@dnat/mail
}

@test "stale-rule: a rule that belongs to no container" {
	publish web 8080:80
	on host ip6tables -t nat -A POSTROUTING -s fd00:9::/64 -m comment --comment natmap:dead:9 -j ACCEPT
	tells 1 stale-rule "ip6tables -t nat: rule 'natmap:dead:9' in chain POSTROUTING is stale"
	run_natmap reload
	translation_add dead:99
	tells 1 stale-rule natmap:dead:99
}

@test "stale-rule: an entry of static NAT that is no longer in the configuration is one line, one that changed is not" {
	local n
	config "$NM_STATIC"
	run_natmap reload
	n=$(count @dnat/mail)
	assert "$n" -gt 1
	config '{"static": {"dnat": [{"name": "mail2", "external_address": "192.0.2.3", "internal_address": "10.88.7.3", "ports": "26"}]}}'
	run_natmap rc=3 check
	assert "$(grep -v "mail2' is missing\|mail2\" .*is missing" <<<"$output")" = "'natmap:@dnat/mail' is no longer in the configuration: $n rules"
	config "${NM_STATIC/\"25\"/\"26\"}"
	run_natmap rc=3 check
	assert "$output" lacks "no longer"
	config '{}'
	tells 1 stale-rule "'natmap:@dnat/mail' is no longer in the configuration: $n rules"
	run_natmap reload
	agrees
}

@test "changed-rule: a rule whose target somebody changed" {
	publish web 8080:80
	translation_change web:8080
	tells 1 changed-rule "natmap:web:8080"
	assert "$output" has "has been changed"
}

# bats test_tags=nftables
@test "changed-rule: an element that has somebody else's name" {
	publish web 8080:80
	translation_take web:8080
	on host nft add element ip natmap ports '{ tcp . 8080 comment "natmap:web2:8080" : 10.88.7.2 . 80 }'
	tells 1 changed-rule "nft table ip natmap, ports: 'natmap:web:8080' has been changed"
}

# bats test_tags=nftables
@test "missing-rule, stale-rule: of the rules that every table of natmap's has, one is gone, added, or in another place" {
	publish web 8080:80
	nft_take natmap forward 'jump static_forward'
	tells 1 missing-rule "nft table ip natmap: chain 'forward' has lost rules"
	run_natmap reload
	on host nft insert rule ip6 natmap translate tcp dport 8080 accept
	tells 1 stale-rule "nft table ip6 natmap: chain 'translate' has stale rules"
	run_natmap reload
	nft_move insert natmap translate @ports
	differs missing-rule stale-rule
}

# bats test_tags=iptables
@test "changed-rule: a rule whose match somebody changed" {
	publish web 8080:80
	nft_change nat NATMAP natmap:web:8080 's/dport 8080/dport 8081/'
	tells 1 changed-rule "has been changed"
}

# bats test_tags=iptables
@test "misplaced-rule: a rule stands where it does not work" {
	publish web 192.0.2.1:8080:80
	on host iptables -t nat -I POSTROUTING -s 10.88.7.0/24 -j ACCEPT
	tells 1 misplaced-rule "stands where it does not work"
	on host iptables -t nat -D POSTROUTING 1
	publish other 9090:90
	nft_move insert nat NATMAP natmap:other:9090
	tells 1 misplaced-rule natmap:web:8080
}

# bats test_tags=iptables
@test "jump: one that is missing, stands twice, or before the administrator's rules" {
	publish web 192.0.2.1:8080:80
	on host iptables -D FORWARD -j DOCKER-USER
	tells 1 jump "iptables -t filter: rule '-I FORWARD -j DOCKER-USER' is missing"
	run_natmap reload
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	tells 1 jump "rule '-A DOCKER-USER -j NATMAP' stands where it does not work"
	run_natmap reload
	on host iptables -t nat -I PREROUTING -m addrtype --dst-type LOCAL -j NATMAP
	tells 1 stale-rule "rule 'jump' in chain PREROUTING is stale"
}

@test "setting: forwarding, route_localnet, hairpin mode; only where somebody needs it" {
	config '{"ip_forward": {"ipv4": "set"}}'
	publish web 8080:80
	publish other 9090:90
	setting ipv4/ip_forward 0
	tells 1 setting "net/ipv4/ip_forward is 0"
	setting ipv4/ip_forward 1
	setting ipv6/conf/all/forwarding 0
	tells 1 setting "net/ipv6/conf/all/forwarding is 0"
	setting ipv6/conf/all/forwarding 1
	setting ipv4/conf/br0/route_localnet 0
	tells 1 setting "net/ipv4/conf/br0/route_localnet is 0"
	setting ipv4/conf/br0/route_localnet 1
	withdraw other
	on host bridge link set dev vctr hairpin off
	tells 1 setting "hairpin mode of bridge port 'vctr' is off"
	withdraw web
	setting ipv4/ip_forward 0
	agrees
}

@test "setting: one that is missing, in a family in which something is published" {
	publish web 8080:80
	lacking_settings ipv6
	tells 1 setting "net/ipv6/conf/all/forwarding: No such file or directory"
	lacking_settings ipv4
	run_natmap rc=3 check
	assert "$output" has "net/ipv4/ip_forward: No such file or directory"
	assert "$output" has "container 'web': reading net/ipv4/conf/br0/route_localnet: No such file or directory"
}

@test "gone-container: its process has ended and no hook told: one line, with what is there for it alone counted" {
	local kind=rules
	! in_nftables || kind=elements
	setting ipv4/ip_forward 0
	ctr_start web
	publish keep 192.0.2.1:8081:81
	publish web 192.0.2.1:8080:80 127.0.0.2:82:82 '9000-9001:9000-9001/udp'
	ctr_start web2
	publish web2 '[fd00:99::1]:8082:80'
	ctr_stop web && ctr_stop web2
	tells 2 gone-container "container 'web' is gone, but still published: $(count 'web:\|@localnet') $kind"
	assert "$output" has "container 'web2' is gone, but still published: $(count web2:) $kind"
	ctr_stop keep
	# with the guards of forwarding, that nobody needs any more
	tells 3 gone-container "container 'keep' is gone, but still published: $(count 'keep:\|@forward') $kind"
	container_take keep
	tells 3 gone-container "container 'keep' is gone, but still published: $(count @forward) $kind"
	run_natmap reload
	agrees
}

# bats test_tags=once
@test "gone-container: in the backend that is no longer used; an id that is recorded twice is told once" {
	local line=$'\n'"container 'web' is gone, but still published" backend
	for backend in iptables nftables; do
		config "{\"backend\": \"$backend\"}"
		publish web 192.0.2.1:8080:80
		ctr_stop web
		sed -i '$p' "$(state_dir)/state"
		config '{"backend": "nftables"}'
		run_natmap rc=3 check
		assert "$(grep -c "'web' is gone" <<<"$output")" -eq 1
		config '{"backend": "iptables"}'
		run_natmap rc=3 check
		case $backend in
		iptables) assert "$output" = "${line#?}: 4 rules" ;;
		nftables) assert "$output" = "nft table ip natmap is stale$line" "its table goes, with it" ;;
		esac
		run_natmap reload
		agrees
	done
}

@test "interrupted-change: a container is recorded twice" {
	publish web 8080:80
	sed -i '$p' "$(state_dir)/state"
	tells 1 interrupted-change "container 'web' is recorded twice"
}

@test "damaged-state: lines that are no records; a torn last line is none of them" {
	publish web 8080:80
	printf '{"live":1,"id":"to' >>"$(state_dir)/state"
	agrees
	printf 'rn"}\ngarbage\n' >>"$(state_dir)/state"
	tells 1 damaged-state "the state file has 2 lines that are no records"
	sed -i 1d "$(state_dir)/state"
	run_natmap rc=1 check
	assert "$stderr" has "first line is damaged"
}

@test "conflict: a static rule and a container want the same packets" {
	config "$NM_STATIC"
	run_natmap reload
	config '{}'
	publish web 192.0.2.3:25:80
	config "$NM_STATIC"
	tells 1 conflict "container 'web'"
	assert "$output" has mail
}

@test "dropping-chain: a chain of somebody else's drops packets to containers" {
	on host nft 'table inet fence { chain gate { type filter hook forward priority 10; policy drop; }; }'
	agrees
	publish web 8080:80
	tells 1 dropping-chain "chain 'gate' of the nf_tables table 'inet fence' drops"
}

@test "a broken configuration is told in one line and not compared with" {
	config '{"static": {"dnat": [{}]}}'
	run_natmap rc=2 check
	assert "$stderr" has 'static.dnat[0]'
	assert "$output" = ""
}

@test "a check while the rules change all the time sees no half done change" {
	ctr_start web
	work() {
		for _ in {1..12}; do
			case $1 in
			1) agrees || return 1 ;;
			*) publish "c$1" "80$1:80" pid="$(ctr_pid web)" && withdraw "c$1" || return 1 ;;
			esac
		done
	}
	at_once 3 work
	assert_clean
}
