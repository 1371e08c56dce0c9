# Of gcovr's table of files, with a line of names first: the sums of each folder and of all, and whether these are enough.
function percent(part, whole) {
	return whole ? 100 * part / whole : 100
}

function line(name, at) {
	printf "%-20s %7d of %6d %6.1f %%  %7d of %6d %6.1f %%\n", name, sum[at, 3], sum[at, 2], percent(sum[at, 3], sum[at, 2]),
		sum[at, 6], sum[at, 5], percent(sum[at, 6], sum[at, 5])
}

BEGIN {
	FS = ","
}

NR == 1 {
	if ($1 != "filename" || $2 != "line_total" || $3 != "line_covered" || $5 != "branch_total" || $6 != "branch_covered") {
		print "report.awk: gcovr's columns are other ones now: " $0
		unknown = 1
		exit 1
	}
	next
}

{
	folder = $1
	sub(/\/[^\/]*$/, "", folder)
	if (!(folder in known))
		folders[++n] = folder
	known[folder] = 1
	for (i = 2; i <= 6; i++) {
		sum[folder, i] += $i
		sum["all", i] += $i
	}
}

END {
	if (unknown || !n)
		exit 1
	printf "%-20s %26s  %27s\n", "folder", "lines", "branches"
	for (i = 1; i <= n; i++)
		line(folders[i], folders[i])
	line("all", "all")
	lines = percent(sum["all", 3], sum["all", 2])
	branches = percent(sum["all", 6], sum["all", 5])
	if (lines < lines_min || branches < branches_min) {
		printf "coverage: expected %s %% of lines and %s %% of branches\n", lines_min, branches_min
		exit 1
	}
}
