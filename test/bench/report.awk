# The results of sections.sh, lines `GROUP QUANTITY WHO MEDIAN P10 P90 P99 PEAK RUNS`, as
#   form=tables   the tables of RESULTS.md
#   form=main     the table of README.md
#   form=missed   the goals that are missed
#   form=WHO      columns for gnuplot: mappings of others, publish and withdraw in ms, connections per second

/^#/ {
	machine[++machines] = substr($0, 3)
	next
}

{
	key = $1 SUBSEP $2 SUBSEP $3
	median[key] = $4
	p10[key] = $5
	p90[key] = $6
	p99[key] = $7
	peak[key] = $8
	runs[key] = $9
	measured[$1] = 1
}

function of(group, quantity, who) {
	return (group, quantity, who) in median ? median[group, quantity, who] : ""
}

function mib(group, quantity, who) {
	return (group, quantity, who) in peak ? peak[group, quantity, who] / 1024 : ""
}

function less(a, b) {
	return a == "" ? b : b == "" ? a : a < b ? a : b
}

# --- what is said of whom

function thousands(n) {
	n = int(n + 0.5)
	return n < 1000 ? n : thousands(int(n / 1000)) "," sprintf("%03d", n % 1000)
}

function number(n) {
	return n == "" ? "–" : n < 0.9995 ? sprintf("%.3f", n) : n < 9.995 ? sprintf("%.2f", n) : n < 99.95 ? sprintf("%.1f", n) : thousands(n)
}

function names(i, pair, list) {
	whos = split("nftables=natmap, nftables;iptables=natmap, iptables;" \
		"dynamic_nftables=natmap, nftables, linked dynamically;dynamic_iptables=natmap, iptables, linked dynamically;" \
		"before_nftables=natmap b8185b8, nftables;before_iptables=natmap b8185b8, iptables;" \
		"unconcerned=natmap, no annotation;before_unconcerned=natmap b8185b8, no annotation;" \
		"empty=empty program, linked dynamically;minimal=minimal program, iptables;" \
		"hand_nft=`nft -f` by hand;hand_ipt=`iptables-restore -n` by hand;" \
		"hand_natmap=`iptables-restore -n` by hand, natmap's rules;" \
		"portmap_nft=CNI portmap, nftables;portmap=CNI portmap, iptables;cni=CNI bridge + portmap;" \
		"netavark=netavark;netavark_bare=netavark, without a port", list, ";")
	for (i = 1; i <= whos; i++) {
		split(list[i], pair, "=")
		who[i] = pair[1]
		name[pair[1]] = pair[2]
	}
}

# --- tables

# Median, spread and ratio to natmap's nftables layout; for quantities in us, ms.
function cells(group, quantity, w, unit, key, same) {
	key = group SUBSEP quantity SUBSEP w
	same = of(group, quantity, "nftables")
	if (!(key in median))
		return " | | |"
	return sprintf(" %s | %s | %s |", number(median[key] / unit),
		key in p10 ? number(p10[key] / unit) "–" number(p90[key] / unit) : "", same ? number(median[key] / same) : "")
}

function pairs(title, group, i, q) {
	if (!(group in measured))
		return
	printf "\n### %s\n\n| ms | publish | spread | ratio | withdraw | spread | ratio | MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", title
	for (i = 1; i <= whos; i++)
		if (of(group, "publish", who[i]) != "") {
			q = mib(group, "publish", who[i])
			printf "| %s |%s%s %s |\n", name[who[i]], cells(group, "publish", who[i], 1000), cells(group, "withdraw", who[i], 1000),
				number(q == "" || q > mib(group, "withdraw", who[i]) + 0 ? q : mib(group, "withdraw", who[i]))
		}
}

# The rows `who` and columns `groups` of one quantity: median, spread.
function across(title, quantity, groups, heads, unit, i, g, n, group, head) {
	n = split(groups, group, " ")
	split(heads, head, ";")
	printf "\n### %s\n\n| |", title
	for (g = 1; g <= n; g++)
		printf " %s | spread | ratio |", head[g]
	printf "\n|---|"
	for (g = 1; g <= 3 * n; g++)
		printf "--:|"
	print ""
	for (i = 1; i <= whos; i++)
		if (of(group[n], quantity, who[i]) != "") {
			printf "| %s |", name[who[i]]
			for (g = 1; g <= n; g++)
				printf "%s", cells(group[g], quantity, who[i], unit)
			print ""
		}
}

function churn(k) {
	printf "\n### %s at once\n\n| | cycles/s | spread | ratio | ms of a hook | spread | ratio | p99 |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
		k == 1 ? "1 runtime" : k " runtimes"
	for (i = 1; i <= whos; i++)
		if (of("churn" k, "cycles", who[i]) != "")
			printf "| %s |%s%s %s |\n", name[who[i]], cells("churn" k, "cycles", who[i], 1), cells("churn" k, "hook", who[i], 1000),
				number(p99["churn" k, "hook", who[i]] / 1000)
}

function tables(sizes, commands, counts) {
	commands = "0 1000 10000 pod10000"
	counts = "1 mapping;1,001;10,001;10,001 of a pod"
	sizes = "no other mapping;1,000 mappings;10,000 mappings"
	print "\n## Publish and withdraw"
	pairs("Nothing else there", 0)
	pairs("Beside 1,000 mappings", 1000)
	pairs("Beside 10,000 mappings", 10000)
	pairs("IPv4 and IPv6, nothing else there", "dual0")
	print "\n## Ranges"
	pairs("1 port", "range1")
	pairs("100 ports", "range100")
	pairs("10,000 ports", "range10000")
	pairs("57,001 ports", "range57001")
	pairs("100 ports, shifted", "shifted100")
	pairs("10,000 ports, shifted", "shifted10000")
	pairs("57,001 ports, shifted", "shifted57001")
	print "\n## Of one network namespace"
	pairs("A container alone", "pod0")
	pairs("Beside ten containers of 1,000 ports", "pod10000")
	pairs("Beside 3,000 containers of a port", "pod3000")
	pairs("For comparison: beside 10,000 containers of other namespaces", "others10000")
	pairs("For comparison: beside 3,000 containers of other namespaces", "others3000")
	print "\n## Many runtimes\n\nA cycle is a publish and a withdraw."
	churn(1)
	churn(2)
	churn(8)
	churn(32)
	print "\n## Commands, ms"
	across("reload, nothing changed", "reload", commands, counts, 1000)
	across("check, nothing changed", "check", commands, counts, 1000)
	across("reload into a kernel without rules", "restore", commands, counts, 1000)
	across("list", "list", commands, counts, 1000)
	across("metrics", "metrics", commands, counts, 1000)
	print "\n## Traffic"
	across("New connections per second", "rate", "0 1000 10000", sizes, 1)
	across("Throughput, MB per second", "stream", "0 1000 10000", sizes, 1)
	print "\n## Beside the peers of Debian 12"
	pairs("Nothing else there", "old0")
	pairs("Beside 1,000 mappings", "old1000")
	pairs("Beside 10,000 mappings", "old10000")
	print "\n## What must be reached\n\n| | | at most | |\n|---|--:|--:|---|"
	for (i = 1; i <= goals; i++)
		printf "| %s | %s | %s | %s |\n", goal_text[i], number(goal_value[i]), number(goal_most[i]), goal_verdict[i]
	print "\n## On what it was measured\n"
	for (i = 1; i <= machines; i++)
		print "- " machine[i]
}

function main_rows(text, quantity, unit, list, i, g, n, w, group) {
	n = split(list, w, " ")
	split("0 1000 10000", group, " ")
	for (i = 1; i <= n; i++) {
		printf "| %s: %s |", text, name[w[i]]
		for (g = 1; g <= 3; g++)
			printf " %s |", number(of(group[g], quantity, w[i]) == "" ? "" : of(group[g], quantity, w[i]) / unit)
		print ""
	}
}

function main_table(all) {
	all = "nftables iptables hand_nft hand_ipt portmap_nft portmap netavark"
	print "| mappings that are there | 0 | 1,000 | 10,000 |\n|---|--:|--:|--:|"
	main_rows("publish, ms", "publish", 1000, all)
	main_rows("withdraw, ms", "withdraw", 1000, all)
	main_rows("new connections/s", "rate", 1, all)
	main_rows("reload of all, ms", "restore", 1000, "nftables iptables")
	main_rows("reload, nothing changed, ms", "reload", 1000, "nftables iptables")
}

function columns(w, i, n, group) {
	n = split("0 1000 10000", group, " ")
	for (i = 1; i <= n; i++)
		print "\"" thousands(group[i]) "\"", of(group[i], "publish", w) / 1000, of(group[i], "withdraw", w) / 1000,
			of(group[i], "rate", w) == "" ? "NaN" : of(group[i], "rate", w)
}

# --- goals

function goal(text, value, unit, most) {
	goals++
	goal_text[goals] = text
	goal_most[goals] = most
	goal_value[goals] = value == "" || !unit ? "" : value / unit
	goal_verdict[goals] = goal_value[goals] == "" ? "not measured" : goal_value[goals] <= most ? "ok" : "**missed**"
}

# Of publish and withdraw
function goals_of_hook(q, layout, text, n, i, list, w) {
	text = q ", " layout ", nothing else there, / "
	goal(text "b8185b8", of(0, q, layout), of(0, q, "before_" layout), 0.65)
	goal(text "an empty program", of(0, q, layout), of(0, "publish", "empty"), 1.35)
	goal(text "the faster portmap", of(0, q, layout), less(of(0, q, "portmap"), of(0, q, "portmap_nft")), 1 / 12)
	goal(text "netavark", of(0, q, layout), of(0, q, "netavark"), 1 / 10)
	n = split("hand_ipt portmap portmap_nft netavark" (layout == "nftables" ? " hand_nft" : ""), w, " ")
	split("0 1000 10000", list, " ")
	for (i = 1; i <= 3 * n; i++)
		goal(q ", " layout ", " thousands(list[int((i + n - 1) / n)]) " mappings, / " name[w[(i - 1) % n + 1]],
			of(list[int((i + n - 1) / n)], q, layout), of(list[int((i + n - 1) / n)], q, w[(i - 1) % n + 1]), 1)
	text = layout == "nftables" ? " / alone" : " / as many of others"
	goal(q ", " layout ", beside 10 x 1,000 ports of the namespace" text, of("pod10000", q, layout),
		of(layout == "nftables" ? "pod0" : "others10000", q, layout), 1.15)
	goal(q ", " layout ", beside 3,000 containers of the namespace" text, of("pod3000", q, layout),
		of(layout == "nftables" ? "pod0" : "others3000", q, layout), 1.3)
	goal("MiB of a " q ", " layout ", beside 10 x 1,000 ports of the namespace", mib("pod10000", q, layout), 1, 3)
	goal("MiB of a " q ", " layout ", beside 3,000 containers of the namespace", mib("pod3000", q, layout), 1, 3)
	goal("MiB of a " q ", " layout ", 10,000 mappings", mib(10000, q, layout), 1, 2)
	goal("MiB of a " q ", " layout ", 10,000 mappings, linked dynamically", mib(10000, q, "dynamic_" layout), 1, 4)
}

function goals_of_layout(layout, c, i) {
	goals_of_hook("publish", layout)
	goals_of_hook("withdraw", layout)
	for (i = 1; i <= 2; i++) {
		c = i == 1 ? "reload" : "check"
		goal(c ", " layout ", nothing changed, 10,001 mappings of a pod / a reload of 1", of("pod10000", c, layout), of(0, "reload", layout), 3)
		goal(c ", " layout ", nothing changed, 10,001 containers / a reload of 1", of(10000, c, layout), of(0, "reload", layout), 3)
	}
	goal("8 runtimes, " layout ", cycles per second, b8185b8 / natmap", of("churn8", "cycles", "before_" layout), of("churn8", "cycles", layout),
		1 / 1.6)
	goal("8 runtimes, " layout ", p99 / b8185b8", p99["churn8", "hook", layout], p99["churn8", "hook", "before_" layout], 0.6)
	goal("seconds of a reload into a kernel without rules, " layout ", 10,001 mappings", of(10000, "restore", layout), 1e6,
		layout == "nftables" ? 0.5 : 2)
	goal("MiB of a reload into a kernel without rules, " layout ", 10,001 mappings", mib(10000, "restore", layout), 1, 64)
	goal("seconds of a list, " layout ", 1,001 mappings", of(1000, "list", layout), 1e6, 0.1)
}

function goals_of_nftables(q) {
	goal(q ", nftables, a range of 10,000 ports / 1", of("range10000", q, "nftables"), of("range1", q, "nftables"), 2)
	goal(q ", nftables, a shifted range of 10,000 ports / 1", of("shifted10000", q, "nftables"), of("range1", q, "nftables"), 5)
	goal(q ", nftables, a range of 57,001 ports / 1", of("range57001", q, "nftables"), of("range1", q, "nftables"), 2)
	goal("MiB of a " q ", nftables, a range of 10,000 ports", mib("range10000", q, "nftables"), 1, 4)
	goal("MiB of a " q ", nftables, a shifted range of 10,000 ports", mib("shifted10000", q, "nftables"), 1, 4)
	goal("MiB of a " q ", nftables, a range of 57,001 ports", mib("range57001", q, "nftables"), 1, 4)
	goal(q ", nftables, 10,000 mappings / none", of(10000, q, "nftables"), of(0, q, "nftables"), 1.2)
}

function all_goals() {
	goals_of_layout("nftables")
	goals_of_layout("iptables")
	goal("publish, iptables, 10,000 mappings / b8185b8", of(10000, "publish", "iptables"), of(10000, "publish", "before_iptables"), 0.55)
	goal("withdraw, iptables, 10,000 mappings / b8185b8", of(10000, "withdraw", "iptables"), of(10000, "withdraw", "before_iptables"), 0.2)
	goal("no annotation / b8185b8", of(0, "publish", "unconcerned"), of(0, "publish", "before_unconcerned"), 0.62)
	goal("no annotation / an empty program", of(0, "publish", "unconcerned"), of(0, "publish", "empty"), 0.85)
	goals_of_nftables("publish")
	goals_of_nftables("withdraw")
	goal("new connections per second, nftables, no other mapping / 10,000", of(0, "rate", "nftables"), of(10000, "rate", "nftables"), 1 / 0.95)
}

function missed(i, n, unknown) {
	for (i = 1; i <= goals; i++) {
		n += goal_verdict[i] == "**missed**"
		unknown += goal_verdict[i] == "not measured"
	}
	printf "\n%d of %d goals are missed, %d are not measured\n", n, goals, unknown
	for (i = 1; i <= goals; i++)
		if (goal_verdict[i] == "**missed**")
			printf "%-100s %8s   at most %s\n", goal_text[i], number(goal_value[i]), number(goal_most[i])
}

END {
	names()
	all_goals()
	if (form == "tables")
		tables()
	else if (form == "main")
		main_table()
	else if (form == "missed")
		missed()
	else
		columns(form)
}
