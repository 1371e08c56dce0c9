#!/bin/bash
# writer.sh DIRECTORY iptables|ip6tables|restore|nft TIMES: another tool that changes the ruleset of this network namespace all
# the time, until there is a file DIRECTORY/stop, and not more often than that. Fails when one of its commands does. Writes what
# tells which of its rules are there then, the number of the last one or of commands, into DIRECTORY/count.KIND.
set -u
dir=$1 kind=$2 limit=$3
i=0

more() {
	[[ ! -e "$dir/stop" && $i -lt $limit ]]
}

match() {
	rule=(-p tcp --dport $((1000 + $1 % 50)) -m comment --comment "soak $kind $1" -j RETURN)
}

# Of each table the last three of its rules are there.
by_iptables() {
	local table chain
	while more; do
		i=$((i + 1))
		for table in filter:FORWARD nat:PREROUTING raw:PREROUTING; do
			chain=${table#*:} table=${table%:*}
			match "$i"
			"$kind" -w -t "$table" -A "$chain" "${rule[@]}" || return 1
			[[ $i -gt 3 ]] || continue
			match $((i - 3))
			"$kind" -w -t "$table" -D "$chain" "${rule[@]}" || return 1
		done
	done
	i=$((i * 6))
}

# A chain of its own, of which each time it makes another one.
by_restore() {
	while more; do
		i=$((i + 1))
		printf '%s\n' '*filter' ':SOAK - [0:0]' "-A SOAK -p tcp -m comment --comment \"soak restore $i\" -j RETURN" \
			"-A SOAK -p udp -m comment --comment \"soak restore $i\" -j RETURN" COMMIT | iptables-restore -w -n || return 1
	done
}

by_nft() {
	nft 'add table inet soak; add chain inet soak c { type filter hook forward priority 5; }; add set inet soak s { type inet_service; }' || return 1
	while more; do
		i=$((i + 1))
		nft "flush chain inet soak c; flush set inet soak s; add element inet soak s { $i }; add rule inet soak c tcp dport @s counter comment \"soak nft $i\"" || return 1
	done
}

case $kind in
restore) by_restore ;;
nft) by_nft ;;
*) by_iptables ;;
esac >"$dir/log.$kind" 2>&1 || exit 1
echo "$i" >"$dir/count.$kind"
