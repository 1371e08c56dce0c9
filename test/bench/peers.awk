# The result of peers.sh, lines `QUANTITY CONTENDER N MEDIAN P90 PEAK P10 P99` (us, KiB), and of "cycles" how many a second: a table, and
# of the goals of DESIGN section 9 each that is missed. before: an older natmap was there.

{
	key = $1 SUBSEP $2 SUBSEP $3
	value[key] = $4
	p90[key] = $5
	peak[key] = $6
	p10[key] = $7
	p99[key] = $8
	if (!(key in seen))
		order[++lines] = key
	seen[key] = 1
}

function of(quantity, who, n) {
	return (quantity, who, n) in value ? value[quantity, who, n] : ""
}

# The smaller of two that may be missing.
function less(a, b) {
	return a == "" ? b : b == "" ? a : a < b ? a : b
}

function port_only(quantity, n, whole, bare) {
	whole = of(quantity, "netavark-whole", n)
	bare = of(quantity, "netavark-bare", n)
	return whole == "" ? "" : whole - bare > 100 ? whole - bare : 100
}

function goal(text, a, b, most) {
	if (a == "" || b == "" || b == 0)
		return
	goals++
	if (a / b > most)
		missed[++misses] = sprintf("%-70s %8.3f   at most %.3f", text, a / b, most)
}

function goals_of_layout(layout, q, i, n) {
	for (i = 1; i <= 2; i++) {
		q = i == 1 ? "publish" : "withdraw"
		goal(q ", " layout ", / before", of(q, layout, 1), of(q, "before_" layout, 1), 0.65)
		goal(q ", " layout ", / empty program", of(q, layout, 1), of("empty", "empty", 1), 1.35)
		goal(q ", " layout ", / the faster portmap", of(q, layout, 1), less(of(q, "portmap", 1), of(q, "portmap_nft", 1)), 1 / 12)
		goal(q ", " layout ", / netavark", of(q, layout, 1), of(q, "netavark-whole", 1), 1 / 10)
		for (n = 1; n <= 10000; n *= n == 1 ? 1000 : 10) {
			goal(q ", " layout ", " n " mappings / iptables-restore by hand", of(q, layout, n), of(q, "hand_ipt", n), 1)
			goal(q ", " layout ", " n " mappings / portmap, iptables", of(q, layout, n), of(q, "portmap", n), 1)
			goal(q ", " layout ", " n " mappings / portmap, nftables", of(q, layout, n), of(q, "portmap_nft", n), 1)
			goal(q ", " layout ", " n " mappings / netavark, the port only", of(q, layout, n), port_only(q, n), 1)
		}
		goal(q ", " layout ", beside 10 x 1,000 ports of the pod", of(q "-pod", layout, 1), of(q "-range", layout, 1), 1.15)
		goal("MiB of a " q ", " layout ", beside 10 x 1,000 ports of the pod", peak[q "-pod", layout, 1], 1024, 3)
		goal("MiB of a " q ", " layout ", 10,000 mappings", peak[q, layout, 10000], 1024, 2)
	}
	goal("cycles, 8 runtimes, before / " layout, of("cycles", "before_" layout, 8), of("cycles", layout, 8), 1 / 1.6)
	goal("p99, 8 runtimes, " layout " / before", p99["hook-churn", layout, 8], p99["hook-churn", "before_" layout, 8], 0.6)
}

function goals_of_ranges(i, q) {
	for (i = 1; i <= 2; i++) {
		q = i == 1 ? "publish" : "withdraw"
		goal(q ", nftables, a range of 10,000 ports / of 1", of(q "-range", "nftables", 10000), of(q "-range", "nftables", 1), 2)
		goal(q ", nftables, 10,000 ports, shifted / of 1", of(q "-range", "nftables", "shifted"), of(q "-range", "nftables", 1), 5)
		goal(q ", nftables, 57,001 ports / of 1", of(q "-range", "nftables", 57001), of(q "-range", "nftables", 1), 2)
		goal("MiB of a " q ", nftables, 57,001 ports", peak[q "-range", "nftables", 57001], 1024, 4)
		goal(q ", nftables, 10,000 / 1 mappings", of(q, "nftables", 10000), of(q, "nftables", 1), 1.2)
	}
	goal("publish, iptables, 10,000 mappings / before", of("publish", "iptables", 10000), of("publish", "before_iptables", 10000), 0.55)
	goal("withdraw, iptables, 10,000 mappings / before", of("withdraw", "iptables", 10000), of("withdraw", "before_iptables", 10000), 0.2)
	goal("no annotation / empty program", of("unconcerned", "nftables", 1), of("empty", "empty", 1), 0.85)
}

# What a hook of natmap's nftables layout takes less, where both do the same.
function ratio(key, part, same) {
	split(key, part, SUBSEP)
	same = of(part[1], "nftables", part[3])
	return same && part[1] != "cycles" ? sprintf("%.2f", value[key] / same) : "-"
}

END {
	printf "%-20s %-18s %8s %11s %11s %11s %11s %8s %10s\n", "", "", "", "median us", "p10", "p90", "p99", "KiB", "/nftables"
	for (i = 1; i <= lines; i++) {
		split(order[i], part, SUBSEP)
		printf "%-20s %-18s %8s %11.0f %11s %11s %11s %8s %10s\n", part[1], part[2], part[3], value[order[i]], p10[order[i]],
			p90[order[i]], p99[order[i]], peak[order[i]], ratio(order[i])
	}
	goals_of_layout("nftables")
	goals_of_layout("iptables")
	goals_of_ranges()
	printf "\n%d of %d goals are missed%s\n", misses, goals, misses ? ":" : ""
	for (i = 1; i <= misses; i++)
		print missed[i]
}
