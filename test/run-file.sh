#!/bin/bash
# run-file.sh FILE [TAG...]: runs the tests of a bats file, but for those with one of the tags, and prints TAP. It judges as
# bats does, which 000-environment.bats compares. Bats starts a shell for each test, which takes it longer than most tests
# do; here each is a fork of one shell that has read the file and its helpers. What no file here asks of bats is missing:
# options of `run`, teardown_file.
#
# BATS_TEST_TIMEOUT=SECONDS  a test that takes longer is ended, and fails (90)
# shellcheck disable=SC2317 # what the tests and traps call

# What a test may call, or be without

load() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/$1.bash"
}

setup() { :; }
teardown() { :; }
setup_file() { :; }

skip() {
	echo "${1:-}" >"$BATS_TEST_TMPDIR.skipped"
	bats_completed=1
	exit 0
}

# shellcheck disable=SC2034 # for the tests
run() {
	output=$("$@" 2>&1) && status=0 || status=$?
	mapfile -t lines <<<"$output"
}

# What runs them, with names that no test has

# bats_prepare TAG...: the file as a shell reads it, line by line, and the names of the tests that have none of the tags
bats_prepare() {
	awk -v left_out=" $* " '
		function wanted(tags,    tag, i, n) {
			n = split(tags, tag, /[ ,]+/)
			for (i = 1; i <= n; i++)
				if (tag[i] != "" && index(left_out, " " tag[i] " "))
					return 0
			return 1
		}
		/^# bats file_tags=/ { file_tags = substr($0, 18) }
		/^# bats test_tags=/ { test_tags = substr($0, 18) }
		/^@test ".*" \{$/ {
			printf "bats_test_%d() { setup\n", ++tests
			if (wanted(file_tags "," test_tags))
				names = names "bats_names[" tests "]=" substr($0, 7, length($0) - 8) "\n"
			test_tags = ""
			next
		}
		{ print }
		END { printf "%s", names }' "$BATS_TEST_FILENAME"
}

# bats_watch: reads the id of each test's process when it begins, and ends one that takes too long, with its children
bats_watch() {
	local pid="" next signal=ABRT
	while :; do
		if read -r -t "$BATS_TEST_TIMEOUT" next; then
			pid=$next signal=ABRT
		elif [[ $? -gt 128 ]]; then
			[[ -z "$pid" ]] || { kill -"$signal" "$pid" && pkill -P "$pid"; }
			signal=KILL
		else
			return
		fi
	done 2>/dev/null
}

# bats_note_failure: the line of the test whose command has failed
bats_note_failure() {
	local i
	for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
		[[ "${FUNCNAME[i]}" != "$BATS_TEST_NAME" ]] || bats_where="line ${BASH_LINENO[i - 1]}"
	done
}

# bats_end_test: whether it has passed, with its teardown
bats_end_test() {
	trap - ERR EXIT
	teardown || {
		[[ -z "$bats_completed" ]] || bats_where=teardown
		bats_completed=""
	}
	[[ -z "$bats_completed" ]] || exit 0
	echo "$bats_where" >"$BATS_TEST_TMPDIR.where"
	exit 1
}

# bats_run_test N: the process of one test
bats_run_test() {
	BATS_TEST_NAME=bats_test_$1
	BATS_TEST_TMPDIR=$BATS_RUN_TMPDIR/$1
	bats_completed="" bats_where="at its end"
	echo "$BASHPID" >&"$bats_watched"
	exec {bats_watched}>&- 3>&1 >"$BATS_TEST_TMPDIR.out" 2>&1
	trap 'bats_note_failure; : >"$BATS_TEST_TMPDIR.timeout"; exit 1' ABRT
	trap bats_end_test EXIT
	trap bats_note_failure ERR
	set -eE
	"$BATS_TEST_NAME"
	bats_completed=1
}

# bats_report STATUS N: its line of TAP, and when it failed, where, and all that was said
bats_report() {
	local files=$BATS_RUN_TMPDIR/$2 note="" where=killed
	bats_ran=$((bats_ran + 1))
	[[ ! -e "$files.skipped" ]] || note=" # skip $(<"$files.skipped")"
	if [[ $1 = 0 ]]; then
		printf 'ok %s %s%s\n' "$bats_ran" "${bats_names[$2]}" "$note"
		return
	fi
	bats_failed=1
	[[ ! -e "$files.timeout" ]] || note=" # timeout after ${BATS_TEST_TIMEOUT}s"
	[[ ! -e "$files.where" ]] || where=$(<"$files.where")
	printf 'not ok %s %s%s\n# (in test file %s, %s)\n' "$bats_ran" "${bats_names[$2]}" "$note" "$bats_file" "$where"
	[[ "$where" != line* ]] || sed -n "${where#line }s/^[[:space:]]*/#   /p" "$bats_source"
	sed 's/^/# /' "$files.out"
}

# bats_cannot_begin: the file itself is at fault
bats_cannot_begin() {
	exec >&"$bats_stdout"
	printf 'not ok 1 %s, before its tests\n' "$bats_file"
	sed 's/^/# /' "$bats_source.out"
	rm -rf "$BATS_RUN_TMPDIR"
	exit 1
}

BATS_TEST_FILENAME=$(realpath "$1") && BATS_RUN_TMPDIR=$(mktemp -d) || exit 1
BATS_TEST_DIRNAME=${BATS_TEST_FILENAME%/*}
BATS_FILE_TMPDIR=$BATS_RUN_TMPDIR/file
BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-90}
export BATS_TEST_FILENAME BATS_TEST_DIRNAME BATS_RUN_TMPDIR BATS_FILE_TMPDIR
bats_file=$1 bats_source=$BATS_RUN_TMPDIR/${1##*/} bats_names=() bats_ran=0 bats_failed=0

exec {bats_stdout}>&1
trap bats_cannot_begin EXIT
set -e
bats_prepare "${@:2}" >"$bats_source" 2>"$bats_source.out"
set --
# shellcheck source=/dev/null
. "$bats_source" >>"$bats_source.out" 2>&1
mkdir "$BATS_FILE_TMPDIR"
setup_file >>"$bats_source.out" 2>&1
set +e
trap 'rm -rf "$BATS_RUN_TMPDIR"' EXIT
exec {bats_stdout}>&-

printf '1..%s\n' "${#bats_names[@]}"
for bats_n in "${!bats_names[@]}"; do
	bats_folders+=("$BATS_RUN_TMPDIR/$bats_n")
done
mkdir "${bats_folders[@]}"
exec {bats_watched}> >(bats_watch)
for bats_n in "${!bats_names[@]}"; do
	(bats_run_test "$bats_n")
	bats_report $? "$bats_n"
done
exit "$bats_failed"
