#!/usr/bin/env bats
# What a tenant controls: its annotations, everything in its network namespace, its process. What must not come of it.
# shellcheck disable=SC2154,SC2030,SC2031 # $stderr and $output come from run_natmap
# shellcheck disable=SC2016,SC1003 # hostile texts are not for this shell

load helpers/natmap
load helpers/network
load helpers/recovery
load helpers/syslog

# plain TEXT WHAT: it has nothing that a terminal or a reader of logs could take for something else
plain() {
	local what
	assert "${1//$'\n'/}" !~ [[:cntrl:]] "$2" || return 1
	# C1 controls, direction overrides, what is no UTF-8
	for what in $'\xc2\x9b' $'\xe2\x80\xae' $'\xff' $'\xc3('; do
		assert "$1" lacks "$what" "$2" || return 1
	done
}

# bats test_tags=once
@test "whatever an annotation holds, what is said of it is one plain line, on stderr and in the system log" {
	local texts key text n=0 pid
	texts=('\u001b]0;owned\u0007' '\u009b2J' 'a\nnatmap: all is well' '80\u0000,81' '%s%n%x' '\"; rm -rf /' "'" '`id`' '\\' '\u202e80'
		$'\xff\xfe' $'\xc3(' '\ud800' '\u2028' '1e400' '-j' '../../x' '$(reboot)' "$(printf 'x%.0s' {1..3000})")
	pid=$(ctr_start web)
	mkdir "$NM_TMP/in"
	for key in ports interface 'x\u001b[31m\n%n'; do
		for text in "${texts[@]}"; do
			n=$((n + 1))
			printf '{"id":"web","pid":%s,"annotations":{%s"io.natmap.%s":"%s"}}\n' "$pid" \
				"$([[ $key = ports ]] || echo '"io.natmap.ports":"8080:80",')" "$key" "$text" >"$NM_TMP/in/$n"
		done
	done
	syslog_start
	mapfile -t argv < <(natmap_argv)
	# shellcheck disable=SC2016 # for that shell
	on host "${NM_WRAP[@]}" sh -c 'for f in "$0"/in/*; do "$@" hook createRuntime <"$f" >>"$0/out" 2>"$0/err"
		echo "$? $(wc -l <"$0/err")" >>"$0/codes"; cat "$0/err" >>"$0/errors"; done' "$NM_TMP" "${argv[@]}"
	assert "$(sort -u "$NM_TMP/codes")" = '5 1' 'exit statuses, and lines'
	assert "$(wc -l <"$NM_TMP/errors")" -eq "$n"
	assert "$(cat "$NM_TMP/out")" = ""
	plain "$(cat "$NM_TMP/errors")" stderr
	assert "$(grep -vc '^natmap: ' "$NM_TMP/errors")" -eq 0 'lines that begin otherwise'
	wait_for syslog_has 'natmap['
	plain "$(syslog_lines)" 'the system log'
	assert "$(syslog_lines | grep -vc '^<[0-9]*>natmap\[[0-9]*\]: ')" -eq 0 'lines of the log that begin otherwise'
	refute test -e "$(state_dir)/state"
}

# loads FORMAT ID: what plan prints of the container has its id, and is taken by the real tools
loads() {
	run_natmap plan --format "$1" < <(state "$2" "$(ctr_pid web)" creating io.natmap.ports=8080:80) || return 1
	assert "$output" has "natmap:$2:8080" || return 1
	if [[ $1 = nft ]]; then
		on ext nft -c -f - <<<"$output"
	else
		sed -n '/^# ip6tables/q; p' <<<"$output" | on ext iptables-restore --test --noflush
	fi
}

@test "ids of every legal character stand in comments, list, metrics and plans as they are" {
	local id ids port=8080 comments list json metrics
	ids=(-j --flush . .. '+,-._' natmap "$(printf '%s' {a..z} {A..Z} {0..9})_+,.-")
	ctr_start web >/dev/null
	for id in "${ids[@]}"; do
		publish "$id" pid="$(ctr_pid web)" $((port++)):80
	done
	comments=$(tags host)
	run_natmap list && list=$output
	run_natmap list --json && json=$output
	run_natmap metrics && metrics=$output
	port=8080
	for id in "${ids[@]}"; do
		assert "$comments" has "natmap:$id:$port"
		assert "$list" has "$id  "
		assert "$json" has "\"id\":\"$id\""
		assert "$metrics" has "{container=\"$id\",ports=\"$((port++)):80/tcp\"} 1"
	done
	for id in "${ids[@]}"; do
		withdraw "$id"
		loads nft "$id"
		loads iptables "$id"
	done
	assert_clean
}

# bats test_tags=once
@test "interfaces of a container may have any name: it is shown escaped, and kept as it is" {
	local name names
	names=($'\e[2J' $'x\x9b\xff' '";drop' -j $'na\xc3\xafve' $'\xe2\x80\xaex' "0123456789abcde" 'a$(id)`' "\\'")
	on host ip route add 10.99.0.0/24 via 192.0.2.2
	for name in "${names[@]}"; do
		on ctr ip link add name "$name" type bridge
		on ctr ip address add 10.99.0.1/24 dev "$name"
		publish rc=5 web 8080:80 address=10.99.0.1
		plain "$stderr" "an interface's name"
		on ctr ip link del dev "$name"
		# which no annotation may have
		[[ ! "$name" =~ [[:cntrl:]] && "$name" != *$'\x9b'* ]] || continue
		on ctr ip link set eth0 down
		on ctr ip link set eth0 name "$name"
		net_up_again "$name"
		publish web 8080:80 interface="$name"
		run_natmap list --json
		assert "$(jq -r '.containers[0].interface' <<<"$output")" = "$name"
		run_natmap check
		withdraw web
		on ctr ip link set dev "$name" down
		on ctr ip link set dev "$name" name eth0
	done
	assert_clean
}

# net_up_again NAME: the interface of that name has the addresses of ctr
net_up_again() {
	on ctr ip link set dev "$1" up && on ctr ip address replace 10.88.7.2/24 dev "$1" &&
		on ctr ip address replace fd00:7::2/64 dev "$1" nodad
}

# crowd INTERFACES ADDRESSES ROUTES: so many of them in ctr, none of which leads there
crowd() {
	awk -v interfaces="$1" -v addresses="$2" -v routes="$3" 'BEGIN {
		for (i = 0; i < interfaces; i++) {
			printf "link add d%d type bridge\nlink set d%d up\n", i, i
			printf "addr add 10.99.%d.%d/32 dev d%d\n", i / 250, i % 250 + 1, i
		}
		for (i = 0; i < addresses; i++)
			printf "addr add 10.%d.%d.%d/32 dev eth0\n", 100 + i / 62500, i / 250 % 250, i % 250 + 1
		for (i = 0; i < routes; i++)
			printf "route add default via 10.88.7.1 metric %d\n", i + 1
		print "nexthop add id 1 via 10.88.7.1 dev eth0\nnexthop add id 2 via 10.88.7.9 dev eth0\nnexthop add id 3 group 1/2"
		print "route add 198.51.100.0/24 nhid 3\nroute add 203.0.113.0/24 nexthop via 10.88.7.1 weight 1 nexthop via 10.88.7.9 weight 9"
	}' | ip_batch ctr
}

@test "with hundreds of interfaces, and thousands of addresses and routes, a container is published where it is reached" {
	local calls NM_WRAP
	serve ctr tcp 80 web
	crowd 300 2000 2000
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	run_natmap check
	withdraw web
	# none that leads there: all are tried, and each is read once
	on host ip route add 10.99.0.0/16 via 192.0.2.2
	on ctr ip address flush dev eth0
	NM_WRAP=(strace -o "$NM_TMP/calls" -e trace=recvfrom)
	publish rc=5 web 8080:80
	assert "$stderr" has 'does not lead to'
	NM_WRAP=()
	calls=$(wc -l <"$NM_TMP/calls")
	assert "$calls" -lt 3000 'answers that were read'
	ctr_start other ctr2
	publish other 8080:80
	withdraw other
	assert_clean
}

# bats test_tags=once
@test "a container with more than 16,384 routes is refused, and the others are not" {
	awk 'BEGIN { for (i = 0; i < 16400; i++) printf "route add 10.99.%d.%d/32 via 10.88.7.1\n", i / 250, i % 250 }' | ip_batch ctr
	publish rc=5 web 8080:80
	assert "$stderr" has 'more than 16384 are refused'
	publish other 8080:80 pid="$(ctr_start other ctr2)"
}

# bats test_tags=once
@test "a container that comes to have more than 16,384 addresses hides from nobody what another one has lost" {
	publish aaa 8081:80 pid="$(ctr_start aaa)"
	publish bbb 8082:80 pid="$(ctr_start bbb ctr2)"
	awk 'BEGIN { for (i = 0; i < 20000; i++) {
		if (i % 250 == 0) printf "link add d%d type bridge\n", i / 250
		printf "addr add 10.99.%d.%d/32 dev d%d\n", i / 250, i % 250 + 1, i / 250
	} }' | ip_batch ctr
	on ctr2 ip address flush dev eth0
	run_natmap rc=3 -v check
	assert "$stderr" has "more than 16384 are refused"
	assert "$output" has "container 'bbb' no longer has the address 10.88.7.3"
	assert "$output" lacks "container 'aaa'"
}

# while_changing SCRIPT COMMAND...: the command, while a shell in ctr does that again and again
while_changing() {
	local pid
	spawn ctr sh -c "while :; do $1; done"
	pid=$spawned
	"${@:2}"
	kill_group "$pid"
	wait_for process_is_gone "$pid"
}

# hooks N KEY=VALUE...: the hook at creation and at the end, so many times; each may fail, in one line
hooks() {
	local i n=$1
	shift
	for ((i = 0; i < n; i++)); do
		publish rc=any web 8080:80 "$@" || return 1
		[[ $status = [015] ]] || fail "exit status $status" || return 1
		withdraw web || return 1
	done
}

@test "addresses, routes and interfaces that change while the hook runs leave nothing behind" {
	local before script
	publish web 8080:80
	withdraw web
	before=$(snapshot host)
	for script in 'ip addr del 10.88.7.2/24 dev eth0; ip addr add 10.88.7.2/24 dev eth0' \
		'ip link set eth0 down; ip link set eth0 name x; ip link set x name eth0 up' \
		'ip route add default via 10.88.7.1; ip route del default' \
		'ip link add d type bridge; ip link set d up; ip addr add 10.99.0.1/24 dev d; ip link del d'; do
		while_changing "$script" hooks 2
		same "the host, $script" "$before" "$(snapshot host)"
	done
	assert_clean
}

@test "a container that deletes what natmap makes, while natmap makes it, leaves nothing behind" {
	local before
	network
	remember
	box web
	spawn web sh -c 'while :; do ip link del eth0; ip route flush table main; ip addr flush dev lo; done'
	hooks 5 network=bridge
	kill_group "$spawned"
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
	end_box web
	host_is_as_before
}

@test "marks of natmap's that a container imitates inside concern nobody" {
	network
	box web evil
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	ip_batch evil <<-END
		link add nm-1 type veth peer name $(port_of web)
		link set nm-1 alias natmap:web
		link set $(port_of web) alias natmap:web
		link add natmap0 type bridge
		link set natmap0 alias natmap
	END
	publish evil network=bridge
	run_natmap gc
	run_natmap reload
	run_natmap check
	assert_reach web ext tcp 192.0.2.1 8080
	on evil ip link show nm-1
	on evil ip link show natmap0
	end_box web evil
	assert_clean
}

@test "an id that was chosen to have the name of another one's interface is refused, and takes nothing away" {
	network
	box c17435652 c21174749 # whose hashes are the same in the 48 bits of the name
	publish c17435652 8080:80 network=bridge
	serve c17435652 tcp 80 first
	publish rc=5 c21174749 8081:80 network=bridge
	assert "$stderr" has "of 'natmap:c17435652'"
	assert_reach first ext tcp 192.0.2.1 8080
	end_box c21174749
	assert_reach first ext tcp 192.0.2.1 8080
	end_box c17435652
	assert_clean
}

# came ADDRESS: packets from there that came to ext
came() {
	local iptables=iptables
	[[ $1 != *:* ]] || iptables=ip6tables
	on ext "$iptables" -nvxL INPUT | awk -v from="$1" '$0 ~ from { n += $1 } END { print n + 0 }'
}

@test "what a container of natmap's sends with a source of another network is not forwarded" {
	local address iptables=iptables
	network
	box web other
	publish web 8080:80/udp network=bridge
	publish other network=bridge
	serve web udp 80 web
	serve ext udp 7000 ext
	on other sysctl -qw net.ipv6.conf.all.accept_dad=0
	for address in 198.51.100.7 192.0.2.77 fd00:51::7; do
		[[ $address != *:* ]] || iptables=ip6tables
		on ext $iptables -A INPUT -s $address
		on other ip address add $address dev eth0
		assert_no_reach other udp "$([[ $address = *:* ]] && echo fd00:99::2 || echo 192.0.2.2)" 7000 from=$address
		assert "$(came $address)" -eq 0 "packets from $address"
	done
	assert_reach 'ext' other udp 192.0.2.2 7000 from="$(address_of other 4)"
	assert_reach 'ext' other udp fd00:99::2 7000 from="$(address_of other 6)"
	if in_nftables; then
		on host nft flush chain ip natmap origin
	else
		on host iptables -t mangle -F FORWARD
	fi
	reach other udp 192.0.2.2 7000 from=198.51.100.7 wait=0.5 || :
	assert "$(came 198.51.100.7)" -gt 0 'packets that come without the guard'
	end_box web other
	assert_clean
}

# bats test_tags=once
@test "a request for hundreds of free ports reads the state some times, however many ports are taken" {
	local i ports NM_WRAP
	for i in 1 2 3; do
		publish "taken$i" pid="$(ctr_start taken)" "$(seq -s, -f '%.0f:80' $((10000 + i * 500)) $((10499 + i * 500)))"
	done
	ports=$(seq -s, -f '10500-20000:%.0f' 1 200)
	NM_WRAP=(strace -o "$NM_TMP/calls" -e trace=pread64)
	publish web pid="$(ctr_start web ctr2)" "$ports"
	assert "$(wc -l <"$NM_TMP/calls")" -lt 300 'reads'
	assert "$(grep -c '"12000:1/tcp"' "$NM_TMP/state/state")" -eq 1
}
