# awk -f check-layers.awk README.md FILE... EXPORTED: whether folders, files and names are in order. One line for each fault,
# "FILE:LINE: what is wrong"; the exit status is 1 if there is one.
#
# README.md has the table of folders, lowest first, with what each may use. FILE... are the .c and .h files of common/ and
# hook/. EXPORTED is what `nm -A -g --defined-only` says of the objects of common/.

BEGIN {
	library("yajl", "yajl", "common/input/json\\.c$")
	library("libseccomp", "(seccomp_(arch|attr|export|init|release|rule|syscall)|SCMP_|[<]seccomp\\.h)", "common/generate/sandbox_program\\.c$")
	library("setns", "setns *\\(", "common/host/netns\\.c$")
	# The idioms of errors, which stand in nearly every function. nm_grow, nm_steal and the like are macros.
	idioms = "^nm_(fail|fail_errno|fail_memory|wrap)$"
	# What AddressSanitizer adds to an object, by gcc and by clang, and what it asks for.
	sanitizers = "^__(odr_asan[._].*|asan_default_options)$"
	most_modules = 16
	most_lines = 400
	for (i = 2; i < ARGC - 1; i++)
		on_file(ARGV[i])
}

FNR == 1 { in_comment = 0 }
FILENAME in files && FNR == most_lines + 1 { fault(FILENAME ":" FNR, "has more than " most_lines " lines") }
FILENAME == ARGV[1] { in_table = /^\| folder \|/ || (in_table && /^\|/) }
FILENAME == ARGV[1] && in_table && /^\| `/ { on_row() }
FILENAME == ARGV[ARGC - 1] { on_name($1, $NF) }
FILENAME in files && /^[ \t]*#[ \t]*include[ \t]*"/ { on_include(FILENAME, $0) }
FILENAME in files { on_code(FILENAME, code($0)) }

END {
	for (file in files)
		on_pair(file)
	for (folder in modules_of)
		if (!(folder in row) && folder ~ /^(common\/.*|hook)$/)
			fault(ARGV[1] ":1", "the table of folders has no row for " folder)
	for (folder in row)
		if (folder ~ /^common\// && !(folder in modules_of))
			fault(ARGV[1] ":" row[folder], "there is no " folder)
	if (!exported)
		fault(ARGV[ARGC - 1] ":1", "no exported names")
	exit faults > 0
}

function fault(where, what) {
	print where ": " what
	faults++
}

function library(name, regex, where) {
	use[name] = "(^|[^A-Za-z0-9_])" regex
	allowed[name] = "^(" where ")"
}

function folder_of(file) {
	return match(file, /\/[^\/]*$/) ? substr(file, 1, RSTART - 1) : ""
}

function without_suffix(file) {
	return substr(file, 1, length(file) - 2)
}

function on_file(file,   folder) {
	files[file]
	folder = folder_of(file)
	if (file ~ /^common\// && split(file, words, "/") != 3)
		fault(file ":1", "is not in a folder of common/")
	if (!((without_suffix(file)) in modules) && ++modules_of[folder] == most_modules + 1 && folder != "hook")
		fault(file ":1", folder " has more than " most_modules " modules")
	modules[without_suffix(file)]
}

# | `common/FOLDER/` | what it is | `FOLDER` `FOLDER` |
function on_row(   cells, n, folder) {
	split($0, cells, "|")
	folder = cells[2]
	gsub(/[ `]|\/ *`/, "", folder)
	n = split(cells[4], words, "`")
	for (i = 2; i <= n; i += 2) {
		if (!(("common/" words[i]) in row))
			fault(FILENAME ":" FNR, folder " may use " words[i] ", which has no row above")
		may_use[folder, "common/" words[i]]
	}
	row[folder] = FNR
}

function on_include(file, line,   folder, used) {
	split(line, words, "\"")
	folder = folder_of(file)
	used = "common/" folder_of(words[2])
	if (used == "common/" && folder != "hook")
		fault(file ":" FNR, "the include of " words[2] " names no folder")
	else if (used != "common/" && used != folder && !((folder, used) in may_use))
		fault(file ":" FNR, folder " may not use " used)
}

# The line without comments and without what stands in quotes.
function code(line,   at) {
	if (in_comment && !(at = index(line, "*/")))
		return ""
	line = in_comment ? substr(line, at + 2) : line
	gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
	at = index(line, "/*")
	in_comment = at > 0
	return at ? substr(line, 1, at - 1) : line
}

function on_code(file, line) {
	for (name in use)
		if (line ~ use[name] && file !~ allowed[name])
			fault(file ":" FNR, name " is not for this file")
	if (line !~ /^[a-z]/ || line ~ /^(static|typedef) /)
		return
	if (line ~ /[ *]nm_[a-z0-9_]*\(/)
		declares[file]
	if (match(line, /nm_[a-z0-9_]*\)?(\(|\[| =|;)/))
		defined[file, line_name(substr(line, RSTART, RLENGTH))] = FNR
}

function line_name(text) {
	gsub(/[^a-z0-9_]/, "", text)
	return text
}

# build/common/base/err.o:0000000000000000 T nm_fail
# In the singular or the plural, whichever the module's own name is in.
function on_name(object, name,   parts, own, line) {
	exported++
	if (name ~ sanitizers)
		return
	sub(/^.*common\//, "common/", object)
	sub(/\.o:.*/, "", object)
	split(object, parts, "/")
	own = parts[3]
	sub(/s$/, "", own)
	own = "^nm_(" parts[2] "_)?" own "(e?s)?(_|$)"
	line = ((object ".c"), name) in defined ? defined[object ".c", name] : 1
	if (name !~ own && name !~ idioms)
		fault(object ".c:" line, name " begins with neither nm_" parts[3] " nor nm_" parts[2] "_" parts[3])
}

# A header alone is fine as long as it declares no function; a program of the build needs none.
function on_pair(file,   module) {
	module = without_suffix(file)
	if (file ~ /^common\/.*\.c$/ && file !~ /^common\/generate\// && !((module ".h") in files))
		fault(file ":1", "there is no " module ".h")
	if (file ~ /^common\/.*\.h$/ && file in declares && !((module ".c") in files))
		fault(file ":1", "declares a function, and there is no " module ".c")
}
