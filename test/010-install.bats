#!/usr/bin/env bats
# What `make install` puts where, and whether it fits together: units, hooks, completion.
# shellcheck disable=SC2016,SC2154 # text for another shell; $output comes from run_natmap
# bats file_tags=once

load helpers/natmap

setup() {
	net_up
	PREFIX=$NM_TMP/usr
	HOOKS=(HOOKSDIR="$PREFIX/share/containers/oci/hooks.d") # by default it is not below PREFIX
}

# install_make ARGUMENT...: make with the binary under test, in a build directory of the test's own
install_make() {
	mkdir -p "$NM_TMP/build"
	[[ -e "$NM_TMP/build/natmap" ]] || cp "$NATMAP" "$NM_TMP/build/natmap"
	make -s -C "$NM_TREE" BUILD="$NM_TMP/build" -o "$NM_TMP/build/natmap" DESTDIR= "${HOOKS[@]}" "$@"
}

# link ARGUMENT...: links natmap of the objects that are there as $NM_TMP/linked/natmap, and prints what make says
link() {
	mkdir -p "$NM_TMP/linked"
	cp -a "$NM_BUILD/hook" "$NM_BUILD/libnatmap.a" "$NM_TMP/linked"
	make -s -C "$NM_TREE" BUILD="$NM_TMP/linked" -o "$NM_TMP/linked/libnatmap.a" V=1 "$@" "$NM_TMP/linked/natmap" | grep -v '^make: '
}

# needed: the libraries that $NM_TMP/linked/natmap is to be loaded with
needed() {
	LC_ALL=C readelf -d "$NM_TMP/linked/natmap" | sed -n 's/.*NEEDED.*\[\(.*\)\]$/\1/p'
}

# linked_publishes: a port, and takes it back
linked_publishes() {
	local NATMAP=$NM_TMP/linked/natmap
	publish web 8080:80
	assert_rule host natmap:web:8080
	withdraw web
	assert_clean
}

# installed DIRECTORY: the files below it
installed() {
	(cd "$1" && find . ! -type d | sort)
}

# commands: the names of all commands, as the help shows them
commands() {
	run_natmap help >/dev/null && sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$output"
}

# synopsis COMMAND: as its help shows it
synopsis() {
	run_natmap help "$1" >/dev/null && sed -n 's/^usage: natmap .*\[-v\] //p' <<<"$output"
}

# completions WORD...: what is offered for the last WORD of a command line, sorted, in one line; the natmap that is asked
# for containers is the one in $NM_TMP/bin
completions() {
	PATH=$NM_TMP/bin:$PATH on host bash -uc '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_natmap
		printf "%s\n" "${COMPREPLY[@]}"' - "$NM_TMP/build/hooks.d/natmap.bash" natmap "$@" | LC_ALL=C sort | xargs
}

# assert_offers EXPECTED WORD...
assert_offers() {
	assert "$(completions "${@:2}")" = "$1" "completion of: natmap ${*:2}"
}

@test "everything is installed below DESTDIR and PREFIX, but for podman's hook, and uninstall takes it away" {
	local run=(install_make DESTDIR="$NM_TMP/image" PREFIX=/opt/natmap) HOOKS=()
	"${run[@]}" install
	assert "$("$NM_TMP/image/opt/natmap/bin/natmap" version)" =~ ^'natmap '
	same "the installed files" "./bin/natmap
./lib/systemd/system/natmap-follow.service
./lib/systemd/system/natmap-forwarding.path
./lib/systemd/system/natmap-gc.service
./lib/systemd/system/natmap-gc.timer
./lib/systemd/system/natmap-heal.service
./lib/systemd/system/natmap-heal.timer
./lib/systemd/system/natmap-metrics.service
./lib/systemd/system/natmap-metrics.timer
./lib/systemd/system/natmap.service
./share/bash-completion/completions/natmap
./share/man/man5/natmap.json.5
./share/man/man7/natmap-runtimes.7
./share/man/man8/natmap.8
./share/natmap/containerd-2.toml
./share/natmap/containerd-3.toml
./share/natmap/runc.json" "$(installed "$NM_TMP/image/opt/natmap")"
	assert "$(installed "$NM_TMP/image" | grep -v '^\./opt/natmap/')" = ./usr/share/containers/oci/hooks.d/natmap.json "files elsewhere"
	"${run[@]}" uninstall
	assert "$(installed "$NM_TMP/image")" = "" "files that uninstall left"
	refute test -e "$NM_TMP/image/opt/natmap/share/natmap"
}

@test "program, manual, changelogs and packages have the same version" {
	local version released
	version=$(sed -n 's/^VERSION := //p' "$NM_TREE/Makefile")
	run_natmap version
	assert "$output" = "natmap $version"
	install_make PREFIX="$PREFIX" install
	assert "$(sed -n 's/^\.Os //p' "$PREFIX"/share/man/man*/* | xargs)" = "natmap $version natmap $version natmap $version" "manual pages"
	refute grep -r 'PREFIX/' "$PREFIX/share/man"
	released=$(sed -n "s/^## \[$version\] - //p" "$NM_TREE/CHANGELOG.md")
	assert "$(head -n 1 "$NM_TREE/packaging/debian/changelog")" has "natmap ($version-"
	assert "$(sed -n 's/^Version: *//p' "$NM_TREE/packaging/natmap.spec")" = "$version" "natmap.spec"
	assert "$(sed -n '/^%changelog/,$s/^\* [A-Z][a-z]* \(.*\) The .*> - /\1 /p' "$NM_TREE/packaging/natmap.spec" | head -n 1)" = \
		"$(LC_ALL=C date -d "$released" '+%b %d %Y') $version-1" "natmap.spec's changelog"
}

@test "natmap is static, dynamic on request, and dynamic with a word where an archive is missing" {
	[[ "${INSTRUMENTED:-0}" != 1 && "$(ldd "$NATMAP")" != *asan* ]] || return 0 # always dynamic
	refute link
	assert "$(needed)" = ''
	refute link DYNAMIC=1
	assert "$(needed)" has libyajl
	linked_publishes
	refute link
	assert "$(needed)" = ''
	rm "$NM_TMP/linked/natmap"
	printf 'int missing;\n' | cc -shared -o "$NM_TMP/libmissing.so" -x c -
	assert "$(link LDLIBS="-L$NM_TMP -lmissing")" =~ 'natmap is linked dynamically: .*cannot find -lmissing'
	assert "$(needed)" has libyajl
}

@test "each directory can be chosen" {
	local run=(install_make DESTDIR="$NM_TMP/image" BINDIR=/1 MANDIR=/2 DATADIR=/3 UNITDIR=/4 HOOKSDIR=/5 COMPLETIONSDIR=/6)
	"${run[@]}" install
	assert "$(installed "$NM_TMP/image" | cut -d / -f 2 | uniq | xargs)" = "1 2 3 4 5 6"
	"${run[@]}" uninstall
	assert "$(installed "$NM_TMP/image")" = "" "files that uninstall left"
}

@test "units and hooks name the installed program, also after a build for another prefix" {
	install_make PREFIX=/opt/natmap all
	install_make PREFIX="$PREFIX" install
	local file
	for file in lib/systemd/system/natmap{,-follow,-gc,-heal,-metrics}.service share/natmap/runc.json share/containers/oci/hooks.d/natmap.json; do
		assert "$(grep -o "[^ '\"=]*/bin/natmap" "$PREFIX/$file" | sort -u)" = "$PREFIX/bin/natmap" "$file"
	done
	refute grep -r '@[A-Z]*@' "$PREFIX/lib" "$PREFIX/share"
	assert "$(grep -ow "[^ ]*/share/natmap" "$PREFIX/share/man/man7/natmap-runtimes.7" | sort -u)" = "$PREFIX/share/natmap" "the steps"
}

@test "systemd accepts the units" {
	install_make PREFIX="$PREFIX" install
	local dir=$PREFIX/lib/systemd/system
	SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify --man=no "$dir"/natmap* >"$NM_TMP/verify" 2>&1 || fail "$(<"$NM_TMP/verify")"
	# it may have something to say about the machine's own units
	assert "$(grep natmap "$NM_TMP/verify")" = ""
}

@test "natmap.service follows each service that it is ordered after" {
	local unit=$NM_TREE/hooks.d/natmap.service.in after key
	after=$(sed -n 's/^After=//p' "$unit")
	assert "$after" has nftables.service
	for key in PartOf ReloadPropagatedFrom WantedBy; do
		assert "$(sed -n "s/^$key=//p" "$unit" | grep -vx multi-user.target)" = "$after" "$key"
	done
	for key in After WantedBy; do
		assert "$(sed -n "s/^$key=//p" "$NM_TREE/hooks.d/natmap-follow.service.in")" = "$after" "$key of follow"
	done
}

@test "the services are confined in the same way" {
	local block='/^CapabilityBoundingSet=/,/^UMask=/p'
	# those that reload may enter network namespaces, too
	local looks='s/ CAP_SYS_ADMIN CAP_SYS_PTRACE$//; s/^RestrictNamespaces=net$/RestrictNamespaces=yes/'
	assert "$(sed -n "$block" "$NM_TREE/hooks.d/natmap.service.in")" has ProtectSystem=strict
	same "the sandbox" "$(sed -n "$block" "$NM_TREE/hooks.d/natmap.service.in" | sed "$looks")" \
		"$(sed -n "$block" "$NM_TREE/hooks.d/natmap-gc.service.in")"
	# this one runs every few seconds: without what takes a mount namespace
	same "the sandbox of heal" "$(sed -n "$block" "$NM_TREE/hooks.d/natmap-gc.service.in" | grep -v '^\(Protect\|ReadWrite\|Private\)')" \
		"$(sed -n "$block" "$NM_TREE/hooks.d/natmap-heal.service.in" | sed "$looks")"
	same "the sandbox of follow" "$(sed -n "$block" "$NM_TREE/hooks.d/natmap-heal.service.in")" \
		"$(sed -n "$block" "$NM_TREE/hooks.d/natmap-follow.service.in")"
	# this one writes a file for others to read
	same "the sandbox of metrics" "$(sed -n "$block" "$NM_TREE/hooks.d/natmap-gc.service.in")" \
		"$(sed -n "$block" "$NM_TREE/hooks.d/natmap-metrics.service.in" |
			sed 's/ CAP_DAC_OVERRIDE//; s/ -\/var.*//; s/^UMask=0022/UMask=0077/')"
}

# confined_as UNIT: from now on natmap has the capabilities that this service has
# shellcheck disable=SC2034 # for run_natmap
confined_as() {
	local left
	left=$(sed -n 's/^CapabilityBoundingSet=//p' "$NM_TREE/hooks.d/$1.service.in")
	left=${left//CAP_/+}
	NM_WRAP=(setpriv --inh-caps=-all --bounding-set="-all,${left// /,}" --no-new-privs)
}

@test "the services run commands that there are, and their capabilities are enough for them" {
	local command
	while read -r command; do
		assert " $(commands | xargs) " has " $command "
	done < <(sed -n 's/^Exec.*@BINDIR@\/natmap \([a-z]*\).*/\1/p' "$NM_TREE"/hooks.d/*.service.in | sort -u)
	publish web 8080:80
	ctr_start other ctr2
	publish other 9090:90
	ctr_stop web
	on host nft flush ruleset
	on ctr2 ip address del 10.88.7.3/24 dev eth0
	on ctr2 ip address add 10.88.7.33/24 dev eth0
	on ctr2 ip route replace default via 10.88.7.1
	confined_as natmap-heal
	run_natmap reload
	assert_rule host natmap:other:9090
	assert_rule host "$(leads_to 10.88.7.33 90)"
	assert_no_rule host natmap:web
	ctr_stop other
	confined_as natmap-gc
	run_natmap gc
	assert "$output" = other
	assert_clean
}

@test "the hook for podman and CRI-O runs for containers with ports alone, when they begin and when they end" {
	install_make PREFIX="$PREFIX" install
	local json=$PREFIX/share/containers/oci/hooks.d/natmap.json annotation
	assert "$(jq -c '[.version, .hook.path, .hook.args, .stages]' "$json")" = \
		'["1.0.0","'"$PREFIX"'/bin/natmap",["natmap","hook"],["createRuntime","poststop"]]'
	# longer than natmap waits for its lock
	assert "$(jq '.hook.timeout' "$json")" -gt 5
	assert "$(jq -c '.when | keys' "$json")" = '["annotations"]'
	assert "$(jq -c '.when.annotations' "$json")" = '{"^io\\.natmap\\.(ports|network)$":".+"}'
	for annotation in io.natmap.ports=1 io.natmap.network=1 xio.natmap.ports=0 io.natmap.ports.x=0 io-natmap-ports=0 io.natmap.allow=0; do
		assert "$(jq --arg key "${annotation%=*}" '.when.annotations | keys[0] as $re | [$key | select(test($re))] | length' "$json")" \
			= "${annotation#*=}" "${annotation%=*}"
	done
}

@test "the hooks for a bundle say their stage" {
	install_make PREFIX="$PREFIX" install
	assert "$(jq -c '.hooks | map_values(map([.path, .args, .timeout > 5]))' "$PREFIX/share/natmap/runc.json")" = \
		'{"createRuntime":[["'"$PREFIX"'/bin/natmap",["natmap","hook","createRuntime"],true]],"poststop":[["'"$PREFIX"'/bin/natmap",["natmap","hook","poststop"],true]]}'
}

@test "the first word is completed to the commands and the options before them" {
	install_make all
	assert_offers "$( (commands && printf '%s\n' --config --state-dir -v) | LC_ALL=C sort | xargs)" ''
	assert_offers 'help hook' h
	assert_offers 'help hook' -v --state-dir = /x h
	assert_offers '' no-such-command ''
}

@test "each command is completed to the options of its synopsis" {
	install_make all
	local command
	for command in $(commands); do
		assert_offers "$(synopsis "$command" | { grep -oE -- '--[a-z-]+' || :; } | LC_ALL=C sort | xargs)" "$command" -
		assert_offers "$command" "$command"
	done
}

@test "an option's value is completed to what the synopsis allows" {
	install_make all
	mkdir -p "$NM_TMP/dir/sub"
	touch "$NM_TMP/dir/some file"
	assert_offers 'iptables nft' plan --format ''
	assert_offers nft plan --format n
	assert_offers "$NM_TMP/dir/some file $NM_TMP/dir/sub" --config "$NM_TMP/dir/s"
	assert_offers "$NM_TMP/dir/some file $NM_TMP/dir/sub" --config = "$NM_TMP/dir/s"
	assert_offers "$NM_TMP/dir/sub" --state-dir "$NM_TMP/dir/s"
	assert_offers "$NM_TMP/dir/sub" --config x --state-dir "$NM_TMP/dir/s"
}

@test "hook is completed to the stages that it takes, and help to the commands" {
	install_make all
	local stage
	for stage in $(completions hook ''); do
		state none - stopped | run_natmap hook "$stage"
	done
	assert_offers 'createRuntime poststart poststop prestart' hook ''
	assert_offers '' hook poststop ''
	assert_offers "$(commands | LC_ALL=C sort | xargs)" help ''
	assert_offers '' help list ''
}

@test "an id is completed to the containers that have ports, when they may be listed" {
	install_make all
	publish web 8080:80 8443:443
	publish web2 8081:80
	mkdir "$NM_TMP/bin"
	ln -s "$NATMAP" "$NM_TMP/bin/natmap"
	assert_offers 'web web2' --state-dir "$(state_dir)" list w
	assert_offers '--json web web2' --state-dir "$(state_dir)" list ''
	assert_offers 'web web2' --state-dir "$(state_dir)" list --json w
	assert_offers '' --state-dir "$NM_TMP/none" list w
}

@test "the completion understands synopses with alternatives, values and lists" {
	install_make all
	sed -i "s/^list .*/&\njoin [--pid PID | --address A] ID SPEC...\nmode [--all | --one] on|off [STAGE...]/" \
		"$NM_TMP/build/hooks.d/natmap.bash"
	assert_offers '--address --pid' join -
	assert_offers '--address --pid' join --pid 1 -
	assert_offers '' join --pid ''
	assert_offers '' join web 8
	assert_offers '--all --one off on' mode ''
	assert_offers 'off' mode --one of
	assert_offers 'poststart poststop' mode on prestart posts
}
