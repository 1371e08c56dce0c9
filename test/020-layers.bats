#!/usr/bin/env bats
# `make check-layers` fails on each thing that is out of its place: a small tree with README's own table, then one fault.
# shellcheck disable=SC2016 # quotes of Markdown, not of the shell
# bats file_tags=once

load helpers/natmap

setup_file() {
	mkdir -p "$BATS_FILE_TMPDIR/tree/test" "$BATS_FILE_TMPDIR/tree/hook"
	cd "$BATS_FILE_TMPDIR/tree" || return
	cp "$NM_TREE/Makefile" "$NM_TREE/README.md" .
	cp "$NM_TREE/test/check-layers.awk" test/
	printf '#include "cmd.h"\n#include "admin/thing.h"\n' >hook/main.c
	touch hook/cmd.h
	for folder in "$NM_TREE"/common/*; do
		module "${folder##*/}" thing
	done
	check_layers
}

setup() {
	cp -a "$BATS_FILE_TMPDIR/tree" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/tree" || return
}

# module FOLDER NAME [LINE...]: a module in its place, with these lines in front
module() {
	mkdir -p "common/$1"
	printf '%s\n' "${@:3}" "#include \"$1/$2.h\"" "void nm_$2_do(void)" '{' '}' >"common/$1/$2.c"
	printf 'void nm_%s_do(void);\n' "$2" >"common/$1/$2.h"
}

# check_layers [CFLAGS]: everything that it says, without make's own lines
check_layers() {
	run env -u MAKEFLAGS -u MAKELEVEL make -s check-layers BUILD=build NM_CFLAGS= CFLAGS="${1:--O0}"
	output=$(grep -vE '^(make: |  CC )' <<<"$output") || :
}

# assert_fault TEXT [CFLAGS]: check_layers fails and says this alone
assert_fault() {
	check_layers "${@:2}"
	assert "$output" = "$1"
	assert "$status" -ne 0
}

# assert_fault_of_install COMMAND...: it fails, and names the libraries
assert_fault_of_install() {
	run env -u MAKEFLAGS -u MAKELEVEL "$@" BUILD=build
	assert "$status" -ne 0
	assert "$output" has "natmap needs yajl libseccomp: 'make deps' as root installs them"
}

@test "a tree in which all is in its place passes" {
	printf '#define NM_ONLY_MACROS 1\n' >common/base/macros.h
	printf '%s\n' '#include "base/thing.h"' '/* yajl and' 'setns() */' '#include "nft/thing.h"' \
		'void nm_iptables_more_names(void) {}' 'const int nm_mores[] = {1};' >common/iptables/more.c
	touch common/iptables/more.h
	printf 'extern const int nm_nft_other;\nstatic inline int nm_other(void) { return 0; }\n' >common/nft/other.h
	check_layers
	assert "$output" = ''
	assert "$status" -eq 0
}

@test "an include of a higher folder" {
	module base low '#include "model/thing.h"'
	assert_fault 'common/base/low.c:1: common/base may not use common/model'
}

@test "the two backends include each other" {
	module nftables low '#include "iptables/thing.h"'
	assert_fault 'common/nftables/low.c:1: common/nftables may not use common/iptables'
}

@test "the program includes what its row does not have" {
	printf '\n#include "nft/thing.h"\n' >hook/cmd.h
	assert_fault 'hook/cmd.h:2: hook may not use common/nft'
}

@test "an include without a folder" {
	module base low '' '#include "thing.h"'
	touch thing.h
	assert_fault 'common/base/low.c:2: the include of thing.h names no folder'
}

@test "a row that may use a row below it, and a row without a folder" {
	sed -i 's/^| `common\/base\/` .*/| `common\/base\/` | | `model` |\n| `common\/attic\/` | | |/' README.md
	local line
	line=$(sed -n '/^| `common\/base\/`/=' README.md)
	assert_fault "README.md:$line: common/base may use model, which has no row above
README.md:$((line + 1)): there is no common/attic"
}

@test "a folder without a row" {
	module attic old
	assert_fault 'README.md:1: the table of folders has no row for common/attic'
}

@test "each library outside its files" {
	module state low '#include <yajl/yajl_gen.h>' '#include <seccomp.h>' 'extern int seccomp_rule_any;' 'extern int setns(int, int);'
	assert_fault 'common/state/low.c:1: yajl is not for this file
common/state/low.c:2: libseccomp is not for this file
common/state/low.c:3: libseccomp is not for this file
common/state/low.c:4: setns is not for this file'
}

@test "each library in its files" {
	module input json '#include <yajl/yajl_gen.h>'
	module generate sandbox_program '#include <seccomp.h>' 'extern int seccomp_rule_any;'
	rm common/generate/sandbox_program.h
	module host netns 'extern int setns(int, int);'
	check_layers
	assert "$output" = ''
	assert "$status" -eq 0
}

@test "an exported function or object without its module's prefix" {
	module base low 'int nm_lowest;' 'int nm_high_function(void) { return 0; }' 'static int nm_own(void) { return 0; }' \
		'int nm_low_own(void) { return nm_own(); }'
	assert_fault 'common/base/low.c:2: nm_high_function begins with neither nm_low nor nm_base_low
common/base/low.c:1: nm_lowest begins with neither nm_low nor nm_base_low'
}

@test "the idioms of errors need no prefix" {
	module base err 'int nm_fail(void) { return -1; }'
	check_layers
	assert "$output" = ''
	assert "$status" -eq 0
}

@test "a build with sanitizers is judged like any other" {
	module host sandbox 'const int nm_sandbox_limit = 1;' 'const char *__asan_default_options(void) { return ""; }'
	check_layers '-O0 -fsanitize=address,undefined'
	assert "$output" = ''
	assert "$status" -eq 0
	module base low 'const int nm_lowest = 1;'
	assert_fault 'common/base/low.c:1: nm_lowest begins with neither nm_low nor nm_base_low' '-O0 -fsanitize=address,undefined'
}

@test "a .c without its .h" {
	module base low
	echo >common/base/low.c
	rm common/base/low.h
	assert_fault 'common/base/low.c:1: there is no common/base/low.h'
}

@test "a .h that declares a function, without its .c" {
	printf 'char *nm_low_text(int n);\n' >common/base/low.h
	assert_fault 'common/base/low.h:1: declares a function, and there is no common/base/low.c'
}

@test "a file of common/ outside a folder, or deeper than one" {
	printf '#define NM_LOW 1\n' >common/low.h
	mkdir -p common/base/deep
	touch common/base/deep/low.h
	check_layers
	assert "$output" has 'common/base/deep/low.h:1: is not in a folder of common/'
	assert "$output" has 'common/low.h:1: is not in a folder of common/'
	assert "$status" -ne 0
}

@test "a file with more than 400 lines" {
	module base long
	length=$(wc -l <common/base/long.c)
	yes '' | head -n $((400 - length)) >>common/base/long.c
	check_layers
	assert "$output" = ''
	echo >>common/base/long.c
	assert_fault 'common/base/long.c:401: has more than 400 lines'
}

@test "a folder with more than 16 modules" {
	for n in {02..16}; do
		touch "common/base/m$n.h"
	done
	check_layers
	assert "$output" = ''
	touch common/base/m17.h
	assert_fault 'common/base/thing.c:1: common/base has more than 16 modules'
}

# libraries_come_with_install_deps: none is found before it has run
libraries_come_with_install_deps() {
	printf '#!/bin/sh\n[ ! -e libraries ] || exec pkg-config "$@"\nexit 1\n' >pc
	printf '#!/bin/sh\ntouch libraries\n' >test/install-deps.sh
	chmod +x pc test/install-deps.sh
}

@test "on a machine without the libraries root gets them, and others are told" {
	libraries_come_with_install_deps
	rm -r build
	export PKG_CONFIG="$PWD/pc"
	check_layers
	assert "$output" = ''
	assert "$status" -eq 0
	rm -r build libraries
	assert_fault_of_install make -s check-layers OR_INSTALL=false
	assert_fault_of_install make -s build/common/base/thing.o
	[[ ! -e libraries ]]
}
