# The result of scale.sh, lines `QUANTITY CONTENDER MAPPINGS VALUE` (times in us, memory in KiB), as
#   form=tables   the tables of RESULTS.md
#   form=main     the table of README.md
#   form=judge    what must be reached, and whether it is
#   form=columns  MAPPINGS, publish and withdraw in ms, connections per second of the contender `who`, for gnuplot

{
	value[$1, $2, $3] = $4
	if (!seen[$3]++)
		size[++sizes] = $3
}

function thousands(n) {
	return n < 1000 ? n : int(n / 1000) "," sprintf("%03d", n % 1000)
}

# The difference that the port makes to netavark; noise must not make it nothing on a logarithmic scale.
function port_only(quantity, n, whole, bare) {
	whole = value[quantity, "netavark-whole", n]
	bare = value[quantity, "netavark-bare", n]
	if (whole != "")
		value[quantity, "netavark", n] = whole - bare > 100 ? whole - bare : 100
}

function known(quantity, who, n) {
	return (quantity, who, n) in value
}

function cell(quantity, who, n, unit) {
	if (!known(quantity, who, n))
		return "–"
	n = value[quantity, who, n] / unit
	return n < 100 ? sprintf("%.1f", n) : thousands(int(n + 0.5))
}

function head(title, columns, i) {
	printf "| %s |", title
	for (i = 1; i <= sizes; i++)
		printf " %s |", thousands(size[i])
	printf "\n|---|"
	for (i = 1; i <= sizes; i++)
		printf "--:|"
	print ""
}

# A row when there is anything to show.
function row(title, quantity, who, unit, i) {
	if (!known(quantity, who, size[1]))
		return
	printf "| %s |", title
	for (i = 1; i <= sizes; i++)
		printf " %s |", cell(quantity, who, size[i], unit)
	print ""
}

function rows(prefix, quantity, unit) {
	row(prefix "natmap, nftables", quantity, "nftables", unit)
	row(prefix "natmap, iptables", quantity, "iptables", unit)
	row(prefix "CNI portmap", quantity, "portmap", unit)
	row(prefix "netavark" (quantity ~ /publish|withdraw/ ? ", port only" : ""), quantity, "netavark", unit)
	if (form == "tables")
		row(prefix "netavark, with the interface", quantity, "netavark-whole", unit)
}

function table(title, quantity, unit) {
	printf "\n## %s\n\n", title
	head("mappings")
	rows("", quantity, unit)
}

function tables() {
	table("Publish, ms", "publish", 1000)
	table("Withdraw, ms", "withdraw", 1000)
	table("New connections per second", "rate", 1)
	table("Throughput, MB per second", "stream", 1)
	table("Reload into a kernel without rules, ms", "restore", 1000)
	table("Reload with nothing to change, ms", "reload", 1000)
	table("Peak memory of a publish, MiB", "publish-peak", 1024)
	table("Peak memory of a withdraw, MiB", "withdraw-peak", 1024)
	table("Peak memory of a reload into a kernel without rules, MiB", "restore-peak", 1024)
}

function main_table() {
	head("mappings")
	rows("publish, ms: ", "publish", 1000)
	rows("withdraw, ms: ", "withdraw", 1000)
	rows("new connections/s: ", "rate", 1)
	rows("reload, ms: ", "restore", 1000)
}

function judge(text, got, bound, least, verdict) {
	if (got == "")
		printf "%-62s %10s\n", text, "left out"
	else {
		verdict = (least ? got >= bound : got <= bound) ? "ok" : "MISSED"
		printf "%-62s %10.3f   at %s %-6s %s\n", text, got, least ? "least" : "most ", bound, verdict
	}
}

function ratio(quantity, who, a, b) {
	return known(quantity, who, a) ? value[quantity, who, a] / value[quantity, who, b] : ""
}

function scaled(quantity, who, n, unit) {
	return known(quantity, who, n) ? value[quantity, who, n] / unit : ""
}

function judge_memory(who, most) {
	judge("MiB at the peak of a publish, " who ", 10,000 mappings", scaled("publish-peak", who, most, 1024), 4)
	judge("MiB at the peak of a withdraw, " who ", 10,000 mappings", scaled("withdraw-peak", who, most, 1024), 4)
	judge("MiB at the peak of a reload, " who ", 10,000 mappings", scaled("restore-peak", who, most, 1024), 64)
}

function judge_all(most) {
	judge("publish, nftables, 10,000 / 10 mappings", ratio("publish", "nftables", most, 10), 1.5)
	judge("withdraw, nftables, 10,000 / 10 mappings", ratio("withdraw", "nftables", most, 10), 1.5)
	judge("new connections per second, nftables, 10,000 / 1 mappings", ratio("rate", "nftables", most, 1), 0.9, 1)
	judge("seconds of a reload, nftables, 10,000 mappings", scaled("restore", "nftables", most, 1e6), 0.5)
	judge("seconds of a reload, iptables, 10,000 mappings", scaled("restore", "iptables", most, 1e6), 2)
	judge("the same, nothing to change, nftables", scaled("reload", "nftables", most, 1e6), 0.5)
	judge("the same, nothing to change, iptables", scaled("reload", "iptables", most, 1e6), 0.5)
	judge_memory("nftables", most)
	judge_memory("iptables", most)
}

function columns(i) {
	for (i = 1; i <= sizes; i++)
		if (known("publish", who, size[i]))
			print size[i], value["publish", who, size[i]] / 1000, value["withdraw", who, size[i]] / 1000,
				value["rate", who, size[i]]
}

function sort_sizes(i, j, t) {
	for (i = 2; i <= sizes; i++)
		for (j = i; j > 1 && size[j] + 0 < size[j - 1] + 0; j--) {
			t = size[j]
			size[j] = size[j - 1]
			size[j - 1] = t
		}
}

END {
	sort_sizes()
	for (i = 1; i <= sizes; i++) {
		port_only("publish", size[i])
		port_only("withdraw", size[i])
	}
	if (form == "tables")
		tables()
	else if (form == "main")
		main_table()
	else if (form == "judge")
		judge_all(10000)
	else
		columns()
}
