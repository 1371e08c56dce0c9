#!/bin/bash
# hosts.sh [check]
#
# Writes the tables of HOSTS.md: what natmap makes of what the tools of several releases of Debian do to its rules. Builds
# nothing: it runs build/natmap with their iptables and nft. check: fails if HOSTS.md says something else. As root.
#
# A table stands between the lines "<!-- hosts.sh: NAME -->" and "<!-- end -->", and NAME is a bats file that adds lines to
# $NM_RESULTS: the backend, what was done, and what came of it, separated by tabs.
#
# NM_RELEASES="NAME..."  the releases, folders of userlands.sh
set -eu

cd "$(dirname "$0")/.."
page=test/HOSTS.md
read -ra releases <<<"${NM_RELEASES:-bullseye bookworm trixie sid}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# version RELEASE PROGRAM: "iptables 1.8.9"
version() {
	test/userlands.sh run "$1" "$2" --version | sed -E 's/v([0-9.]+) .*/\1/; s/nftables/nft/'
}

# run BATS_FILE RELEASE: the lines that it adds with the tools of that release
run() {
	local backend
	for backend in iptables nftables; do
		NM_BACKEND=$backend NM_RELEASE=$2 NM_RESULTS="$work/$2" bats --filter-tags \
			"$([[ $backend = iptables ]] && echo '!nftables' || echo '!iptables,!once')" "$1" >"$work/tap" || {
			cat "$work/tap"
			return 1
		}
	done
}

# table BATS_FILE: a row for each thing that was done, a column for each release
table() {
	local release head="| layout | what brings the rules back |" line="|---|---|"
	for release in "${releases[@]}"; do
		: >"$work/$release"
		run "$1" "$release" >&2 || return 1
		head+=" $release: $(version "$release" iptables), $(version "$release" nft) |"
		line+="---|"
	done
	printf '%s\n%s\n' "$head" "$line"
	(cd "$work" && awk -F '\t' '
		{ row = "| " $1 " | " $2 " |" }
		!(row in cells) { order[++n] = row }
		{ cells[row] = cells[row] " " $3 " |" }
		END { for (i = 1; i <= n; i++) print order[i] cells[order[i]] }' "${releases[@]}")
}

# page: HOSTS.md with its tables made anew
page() {
	local line name="" all
	while IFS= read -r line; do
		[[ "$line" != "<!-- end -->" ]] || name=""
		[[ -n "$name" ]] || printf '%s\n' "$line"
		[[ "$line" =~ ^"<!-- hosts.sh: "(.*)" -->"$ ]] || continue
		name=${BASH_REMATCH[1]}
		all=$(table "$name") || return 1
		printf '%s\n' "$all"
	done <"$page"
}

make -s all test-programs
page >"$work/page"
if [[ "${1:-}" = check ]]; then
	diff -u "$page" "$work/page" && echo "hosts.sh: $page is right"
else
	cat "$work/page" >"$page"
fi
