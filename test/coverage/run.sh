#!/bin/bash
# run.sh BUILD: runs the unit tests, and all bats files with both backends, against a natmap that counts what runs, built in that
# folder, and prints how many lines and branches of common/ and hook/ have run. Nothing is left out of the count: headers, lines
# for a lack of memory, and branches as gcc makes them are in it. What a killed process has run is not.
# Fails below LINES_MIN or BRANCHES_MIN percent in all, or when a test fails.
set -eu
cd "$(dirname "$0")/../.."

LINES_MIN=${LINES_MIN:-92} BRANCHES_MIN=${BRANCHES_MIN:-80}
build=$1
[[ "$build" = /* ]] || build=$PWD/$build
mkdir -p "$build"
find "$build" -name '*.gcda' -delete
rm -f "$build/common/generate/sandbox_program" # which runs when it is built

${CC:-cc} -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -DNM_COVERAGE_FOLDER="\"$build\"" -c -o "$build/exit.o" test/coverage/exit.c
flags=(INSTRUMENTED=1 BUILD="$build" CFLAGS='-O0 -g --coverage' LDFLAGS="--coverage -Wl,--wrap=syscall $build/exit.o"
	CC_FOR_BUILD='gcc --coverage')
tests=0
make --no-print-directory "${flags[@]}" check || tests=1

gcovr --root . --object-directory "$build" --filter 'common/' --filter 'hook/' -j "$(nproc)" --csv "$build/coverage.csv" "$build"
awk -v lines_min="$LINES_MIN" -v branches_min="$BRANCHES_MIN" -f test/coverage/report.awk "$build/coverage.csv" && exit $tests
exit 1
