# The result of network.sh, lines `createRuntime|poststop CONTENDER PART MEDIAN` (us) and `loop CONTENDER PER_SECOND` with interfaces,
# rules and files before and after: a table, and the goals of the network.

$1 == "loop" {
	per_second[$2] = $3
	left[$2] = sprintf("%+d interfaces, %+d rules, %+d files", $7 - $4, $8 - $5, $9 - $6)
	next
}
{
	time[$1, $2] += $4
	if (!($2 in seen))
		order[++n] = $2
	seen[$2] = 1
}

function goal(text, a, b, most) {
	if (a == "" || b == "" || b == 0)
		return
	printf "%-66s %7.3f   at most %.3f%s\n", text, a / b, most, (a / b > most ? "   MISSED" : "")
}

function goals_of(layout, peer, start) {
	goal("createRuntime, " layout " / " peer, time["createRuntime", layout], time["createRuntime", peer], start)
	goal("poststop, " layout " / " peer, time["poststop", layout], time["poststop", peer], 1 / 20)
	goal("time of a container in a loop, " layout " / " peer, per_second[peer], per_second[layout], 1 / 8)
}

END {
	printf "%-20s %17s %12s %14s   %s\n", "median", "createRuntime us", "poststop us", "containers/s", "left after the loop"
	for (i = 1; i <= n; i++)
		printf "%-20s %17d %12d %14s   %s\n", order[i], time["createRuntime", order[i]], time["poststop", order[i]],
			(order[i] in per_second ? sprintf("%.1f", per_second[order[i]]) : "-"), left[order[i]]
	print ""
	for (i = 1; i <= 2; i++) {
		layout = i == 1 ? "nftables" : "iptables"
		goals_of(layout, "cni_nftables", 1 / 20)
		goals_of(layout, "cni_iptables", 1 / 20)
		goals_of(layout, "netavark_nftables", 1 / 10)
		goals_of(layout, "netavark_iptables", 1 / 10)
	}
}
