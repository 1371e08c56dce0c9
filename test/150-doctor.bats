#!/usr/bin/env bats
# natmap doctor: every obstacle is seen, its command removes it, and what is no obstacle is not told.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, which sets $stderr and $output

load helpers/natmap
load helpers/lacking

# ask_doctor [rc=N]: sets $output to what it says of this host, but for what this machine's podman or containerd lack
ask_doctor() {
	run_natmap "$@" doctor || return 1
	output=$(grep -v ' may publish nothing' <<<"$output") || :
}

# healthy: the doctor finds nothing
healthy() {
	ask_doctor && assert "$output" = "" findings
}

# ill TEXT [N]: the doctor finds N things (1), one of which TEXT tells; sets $cure to the command for that one
ill() {
	ask_doctor rc=1 || return 1
	assert "$stderr" =~ "natmap: ${2:-1} things? on this host stops? published ports from working" || return 1
	assert "$(grep -c '^[^ ]' <<<"$output")" -eq "${2:-1}" findings || return 1
	assert "$output" has "$1" || return 1
	cure=$(grep -F -A 1 -- "$1" <<<"$output" | sed -n 's/^    run: //p')
}

# cured [N]: the command for one of N things (1) runs; without any other the host is healthy then
cured() {
	on host env PATH="$(dirname "$NATMAP"):$PATH" "${NM_WRAP[@]}" bash -c "$cure" 3>&- || fail "failed: $cure" || return 1
	[[ ${1:-1} != 1 ]] || healthy
}

# setting NAME VALUE: sets net/NAME of the host
setting() {
	on host sh -c "echo $2 >/proc/sys/net/$1"
}

@test "a good host is healthy, with a published container and without, and the doctor changes nothing" {
	local before
	before=$(snapshot host)
	healthy
	same "the host" "$before" "$(snapshot host)"
	refute test -e "$(state_dir)"
	publish web 8080:80
	before=$(snapshot host; cat "$(state_dir)/state")
	healthy
	same "the host" "$before" "$(snapshot host; cat "$(state_dir)/state")"
	run_natmap rc=2 doctor more
}

@test "a chain that drops is named, really drops, and its command lets the port through and nothing else" {
	local last family
	serve ctr tcp 80 web
	publish web 8080:80
	while IFS=: read -r family last; do
		on host nft -f - <<-END
			table $family fence {
				chain gate {
					type filter hook forward priority 10; policy $([[ -n $last ]] && echo accept || echo drop)
					ct state vmap { invalid : drop }
					iifname "lo" accept
					$last
				}
			}
		END
		ill "chain 'gate' of the nf_tables table '$family fence' drops"
		[[ $family = ip6 ]] || assert_no_reach ext tcp 192.0.2.1 8080
		[[ $family = ip ]] || assert_no_reach ext tcp fd00:99::1 8080
		assert "$cure" = "nft insert rule $family fence gate ct status dnat accept"
		cured
		assert_reach web ext tcp 192.0.2.1 8080
		assert_reach web ext tcp fd00:99::1 8080
		[[ $family = ip6 ]] || assert_no_reach ext tcp 10.88.7.2 80
		on host nft delete table "$family" fence
	done <<-'END'
		inet:
		ip:counter log drop
		ip6:reject
	END
}

@test "iptables' own tables are mended with iptables, so that it goes on reading them" {
	serve ctr tcp 80 web
	on host iptables -P FORWARD DROP
	publish web 8080:80
	healthy
	on host iptables -t mangle -A FORWARD -j LOG
	on host iptables -t mangle -A FORWARD -p icmp -j ACCEPT
	on host iptables -t mangle -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	on host iptables -t mangle -A FORWARD -m conntrack ! --ctstate DNAT -j ACCEPT
	on host iptables -t mangle -A FORWARD -m conntrack --ctstate DNAT --ctorigdstport 81 -j ACCEPT
	on host iptables -t mangle -A FORWARD -j DROP
	on host ip6tables -t security -P FORWARD DROP
	ill "table 'ip6 security' drops packets to '8080:80/tcp' of container 'web', by its policy" 2
	assert_no_reach ext tcp fd00:99::1 8080
	cured 2
	assert_reach web ext tcp fd00:99::1 8080
	ill "table 'ip mangle' drops packets to '8080:80/tcp' of container 'web', by the rule with handle"
	assert_no_reach ext tcp 192.0.2.1 8080
	cured
	assert_reach web ext tcp 192.0.2.1 8080
	on host iptables -t mangle -S >/dev/null
	on host ip6tables -t security -S >/dev/null
}

# judged healthy|ill CHAIN: what the doctor says of a chain with policy drop and these rules, one an argument
judged() {
	on host nft 'table inet fence { chain gate { type filter hook forward priority 10; policy drop; }; }; flush chain inet fence gate' || return 1
	local expected=$1 rule
	for rule in "${@:2}"; do
		on host nft "add rule inet fence gate $rule" || return 1
	done
	if [[ $expected = ill ]]; then
		ill "'inet fence'"
	else
		healthy
	fi || fail "rules: ${*:2}"
}

# bats test_tags=once
@test "only an accept for all that was translated, before the drop, is a way out" {
	judged healthy 'ct status dnat accept'
	judged healthy 'ct state established accept' 'ct status dnat counter log accept'
	judged healthy 'ct status snat,dnat accept' drop
	judged healthy 'ct status & dnat == dnat accept'
	judged healthy accept reject
	judged ill
	judged ill 'ct status snat accept'
	judged healthy 'ct status != dnat accept' # it is dnat and more
	judged healthy 'ct status & (snat|dnat) == dnat accept'
	judged ill 'ct state new ct status dnat accept'
	judged ill 'ct status dnat return'
	judged ill 'ct status dnat ip saddr 192.0.2.2 accept'
	judged ill 'tcp dport 80 accept'
	judged ill 'ct status dnat drop' accept
	judged ill drop 'ct status dnat accept'
	judged ill 'reject with icmpx admin-prohibited' 'ct status dnat accept'
	judged ill return 'ct status dnat accept'
	judged ill 'ct status dnat return' accept
	on host nft 'add chain inet fence aside'
	judged ill 'counter goto aside' accept
	judged healthy 'tcp dport 80 return' 'ct status dnat accept' return
}

# bats test_tags=once
@test "chains that forward nothing of IP, or let everything on, are no obstacle" {
	on host nft -f - <<-'END'
		table inet fence {
			chain in { type filter hook input priority 10; policy drop; }
			chain out { type filter hook output priority 10; policy drop; }
			chain plain { drop; }
			chain gate { type filter hook forward priority 10; tcp dport 25 drop; }
			chain open { type filter hook forward priority 11; return; drop; }
			chain other { type filter hook forward priority 12; goto aside; drop; }
			chain aside { }
		}
		table bridge fence {
			chain gate { type filter hook forward priority 10; policy drop; }
		}
	END
	healthy
}

# bats test_tags=once
@test "the longest names of tables and chains are read" {
	local long
	printf -v long 'n%.0s' {1..255}
	on host nft "table ip $long { chain $long { type filter hook forward priority 10; policy drop; }; }"
	ill "table 'ip $long' drops"
	cured
}

# bats test_tags=once
@test "forwarding that is off is an obstacle where a publish would not switch it on" {
	setting ipv4/ip_forward 0
	healthy
	config '{"ip_forward": {"ipv4": "check", "ipv6": "set"}}'
	ill 'IPv4 forwarding is off'
	cured
	setting ipv6/conf/all/forwarding 0
	healthy
	config '{"ip_forward": {"ipv4": "set", "ipv6": "set"}}'
	publish web 8080:80
	setting ipv4/ip_forward 0
	ill 'IPv4 forwarding is off'
	cured
	setting ipv6/conf/all/forwarding 0
	ill 'IPv6 forwarding is off'
	cured
}

# bats test_tags=once
@test "IPv6 forwarding matters between two networks, and its command keeps the default route" {
	on host ip -6 route add default via fd00:99::2 dev up0 proto ra
	setting ipv6/conf/all/forwarding 0
	setting ipv6/conf/up0/accept_ra 1
	ill 'IPv6 forwarding is off'
	cured
	assert "$(on host cat /proc/sys/net/ipv6/conf/up0/accept_ra)" = 2
	setting ipv6/conf/all/forwarding 0
	on host ip -6 addr flush dev br0 scope global
	healthy
}

# bats test_tags=once
@test "legacy tables in force are told with their names, and their rules can be moved" {
	on host iptables-legacy -P FORWARD DROP
	on host iptables-legacy -A FORWARD -s 192.0.2.99 -j DROP
	ill 'legacy iptables (filter)'
	assert "$cure" has ' && modprobe -r iptable_filter'
	# There is no module in a kernel that has it built in.
	on host sh -c "${cure% && *}"
	assert_rule host '-A FORWARD -s 192.0.2.99/32 -j DROP'
	on host ip6tables-legacy -t mangle -S >/dev/null
	ill 'legacy ip6tables (mangle)' 2
}

# bats test_tags=once
@test "a setting that a container needs, and somebody switched off, is told" {
	publish web 8080:80
	ctr_start two ctr2
	publish two 8082:80
	setting ipv4/conf/br0/route_localnet 0
	ill "route_localnet is off on 'br0': ports of container 'two'" || ill "route_localnet is off on 'br0': ports of container 'web'"
	cured
	on host bridge link set dev vctr2 hairpin off
	setting bridge/bridge-nf-call-iptables 0
	setting bridge/bridge-nf-call-ip6tables 0
	healthy
	setting bridge/bridge-nf-call-iptables 1
	ill "hairpin mode is off on 'vctr2'"
	cured
	setting bridge/bridge-nf-call-iptables 0
	setting bridge/bridge-nf-call-ip6tables 1
	on host bridge link set dev vctr hairpin off
	ill "container 'web' does not reach its own"
	cured
}

# bats test_tags=once
@test "an interface with a dot in its name is one for sysctl, too" {
	on host sh -c 'ip link set br0 down && ip link set br0 name br0.7 && ip link set br0.7 up'
	publish web 0.0.0.0:8080:80
	setting ipv4/conf/br0.7/route_localnet 0
	ill "'br0.7'"
	cured
}

# bats test_tags=once
@test "what needed a setting and is gone does not need it any more" {
	publish web 8080:80
	setting ipv4/conf/br0/route_localnet 0
	ctr_stop web
	ill "container 'web' is gone"
	assert "$cure" = "natmap --config $NM_TMP/natmap.json --state-dir $(state_dir) gc"
}

# bats test_tags=once
@test "containers that are gone are told once" {
	publish one 8081:80
	publish two 8082:80
	publish three 8083:80
	ctr_stop one
	ctr_stop three
	ill "2 containers, 'one' among them, are gone"
	if on host "$NATMAP" help gc >/dev/null 2>&1; then
		cured
	else
		withdraw one
		withdraw three
		healthy
	fi
}

# bats test_tags=once
@test "a state that cannot be read is told, and everything else as well" {
	publish web 8080:80
	echo '{"live":1,"id":7}' >>"$(state_dir)/state"
	setting ipv4/ip_forward 0
	ill '1 lines of the state file are damaged' 2
	assert "$output" has 'IPv4 forwarding is off'
	assert "$cure" = "natmap --config $NM_TMP/natmap.json --state-dir $(state_dir) reload --force"
	sed -i 1s/natmap/damned/ "$(state_dir)/state"
	config '{"ip_forward": {"ipv4": "check"}}'
	ill 'its first line is damaged' 2
	assert "$output" has 'IPv4 forwarding is off'
}

# bats test_tags=once
@test "a setting that is missing is told, and so is everything else" {
	publish web 8080:80
	lacking_settings ipv6
	ill 'net/ipv6/conf/all/forwarding: No such file or directory'
	assert "$cure" = ""
	lacking_settings ipv4
	setting ipv6/conf/all/forwarding 0
	ill 'net/ipv4/ip_forward: No such file or directory' 2
	assert "$output" has 'IPv6 forwarding is off'
}

# etc_up: from now on natmap, and the commands, see an /etc of the test's own, with firewalld's file and a firewall-cmd
etc_up() {
	mkdir -p "$NM_TMP/etc/firewalld" "$NM_TMP/bin"
	cat >"$NM_TMP/bin/firewall-cmd" <<-'END'
		#!/bin/sh -e
		grep -q '^StrictForwardPorts=no' /etc/firewalld/firewalld.conf
		nft insert rule inet firewalld filter_FORWARD ct status dnat accept
	END
	chmod +x "$NM_TMP/bin/firewall-cmd"
	# shellcheck disable=SC2016 # for that shell
	NM_WRAP=(unshare -m --propagation private sh -c '
		mount --bind "$1/etc" /etc && PATH=$1/bin:$PATH && shift && exec "$@"' sh "$NM_TMP")
}

firewalld_up() {
	on host nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; ct state established accept; reject with icmpx admin-prohibited; }; }'
}

# bats test_tags=once
@test "firewalld's StrictForwardPorts is told instead of its chain, where firewalld runs" {
	etc_up
	healthy
	printf '# StrictForwardPorts=no\nDefaultZone=public\nStrictForwardPorts = Yes\n' >"$NM_TMP/etc/firewalld/firewalld.conf"
	healthy
	firewalld_up
	ill StrictForwardPorts
	cured
	assert "$(<"$NM_TMP/etc/firewalld/firewalld.conf")" = $'# StrictForwardPorts=no\nDefaultZone=public\nStrictForwardPorts=no'
}

# bats test_tags=once
@test "firewalld's chain is told without StrictForwardPorts" {
	etc_up
	printf '#StrictForwardPorts=yes\nStrictForwardPorts=no\n' >"$NM_TMP/etc/firewalld/firewalld.conf"
	firewalld_up
	ill "chain 'filter_FORWARD' of the nf_tables table 'inet firewalld'"
	assert "$cure" = "" # nft may not change that table
}

# bats test_tags=iptables
@test "what the kernel lacks is told with the module that has it" {
	local lacking
	config '{"backend": "iptables"}'
	for lacking in 10=nf_tables 1=nf_conntrack_netlink 11=nft_compat addrtype=xt_addrtype conntrack=xt_conntrack \
		multiport=xt_multiport DNAT=xt_nat MASQUERADE=xt_MASQUERADE; do
		lacking "${lacking%=*}"
		lacking_on_disk nft_reject "${lacking#*=}"
		ill "the kernel has no "
		assert "$cure" = "modprobe ${lacking#*=}"
		lacking_on_disk "${lacking#*=}_other"
		ill "the kernel has no "
		assert "$cure" = ""
	done
}

# bats test_tags=once
@test "where the modules for iptables are not on the disk, it is their package on RHEL's kin, and nftables on all" {
	local without=', but all that "backend": "nftables" needs'
	config '{"backend": "iptables"}'
	mkdir -p "$NM_TMP/root/etc"
	lacking_xt
	ill "the kernel has no nft_compat, which the rules need$without"
	assert "$cure" = ""
	printf 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\n' >"$NM_TMP/root/etc/os-release"
	ill "the kernel has no nft_compat, which the rules need$without"
	assert "$cure" = "dnf install kernel-modules-extra-$(uname -r)"
	lacking addrtype
	ill "the kernel has no match 'addrtype' of revision 1, which the rules need$without"
	assert "$cure" = "dnf install kernel-modules-extra-$(uname -r)"
	lacking addrtype fib
	ill "the kernel has no match 'addrtype' of revision 1, which the rules need"
	assert "$output" lacks nftables
	lacking 1
	ill "the kernel has no ctnetlink"
	assert "$cure" = ""
	lacking_xt
	config '{}'
	healthy
	config '{"backend": "iptables"}'
	printf 'ID=debian\nNAME="like rhel"\n' >"$NM_TMP/root/etc/os-release"
	ill "the kernel has no nft_compat"
	assert "$cure" = ""
}

# bats test_tags=nftables
@test "in nftables, too, where nothing is left of the question" {
	local lacking before
	config '{"backend": "nftables"}'
	before=$(snapshot host)
	for lacking in 10=nf_tables 1=nf_conntrack_netlink ct=nft_ct fib=nft_fib_ipv4 nat=nft_nat masq=nft_masq; do
		lacking "${lacking%=*}"
		lacking_on_disk "${lacking#*=}"
		ill "the kernel has no "
		assert "$cure" = "modprobe ${lacking#*=}"
	done
	lacking MASQUERADE
	healthy
	same "the host" "$before" "$(snapshot host)"
}

# bats test_tags=once
@test "a setting that the kernel does not have is a line, and the others are examined" {
	publish web 8080:80
	setting ipv4/conf/br0/forwarding 0
	NM_WRAP=(unshare -m --propagation private sh -c 'mount -t tmpfs none /proc/sys/net/ipv4/conf/up0 && exec "$@"' sh)
	ill "reading net/ipv4/conf/up0/forwarding: No such file or directory" 2
	assert "$output" has "IPv4 forwarding is off on 'br0'"
	run_natmap rc=3 check
	assert "$output" has "conf/up0/forwarding"
	assert "$output" has "conf/br0/forwarding is 0"
}

# bats test_tags=once
@test "without CAP_NET_ADMIN, or with a bad configuration, there is no examination" {
	config '{"no": 1}'
	run_natmap rc=2 doctor
	config '{}'
	NM_WRAP=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	run_natmap rc=1 doctor
	assert "$stderr" has CAP_NET_ADMIN
	assert "$output" = ""
}

# bats test_tags=nftables
@test "in nftables a chain of iptables that begins to drop is seen, and a reload makes a way through it" {
	config '{"backend": "nftables"}'
	serve ctr tcp 80 web
	publish web 8080:80
	healthy
	on host iptables -P FORWARD DROP
	ill "of natmap's rules are not as they should be"
	assert_no_reach ext tcp 192.0.2.1 8080
	run_natmap rc=3 check
	assert "$output" has natmap:@nftables
	cured
	assert_reach web ext tcp 192.0.2.1 8080
	run_natmap check
}
