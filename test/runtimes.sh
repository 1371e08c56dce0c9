#!/bin/bash
# runtimes.sh [check|write] [BATS_FILE...]
#
# Runs natmap with the runtimes of several releases of Debian, which it installs in the folders of userlands.sh, by the steps of
# man/natmap-runtimes.7 (test/runtimes/*.bats), and compares that page's table with what has come of it. write: writes the table,
# which takes all releases and all files. Builds only natmap. As root.
#
# NM_RELEASES="NAME..."  the releases (default: bookworm, of write all)
# NM_MANY=N              so many containers at once (6)
set -eu

cd "$(dirname "$0")/.."
page=man/natmap-runtimes.7
build=${BUILD:-build}
all=(bookworm trixie sid)
packages="runc crun podman netavark containerd criu" # whose versions are told
work=$(mktemp -d)
trap 'rm -rf "$work"; remove_groups' EXIT

# shellcheck disable=SC2317 # the trap calls it
# remove_groups: the control groups of podman's that are empty
remove_groups() {
	local dir
	for dir in /sys/fs/cgroup/*/libpod_parent /sys/fs/cgroup/libpod_parent; do
		[[ ! -d "$dir" ]] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || :
	done
}

# install RELEASE: the runtimes. None of their services starts there by itself.
install() {
	test/userlands.sh prepare "$1" sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d &&
		chmod +x /usr/sbin/policy-rc.d && exec /mnt/test/install-deps.sh runtimes'
}

# stage: natmap as it is installed, images, and what a test's place needs of configuration
stage() {
	local root=$build/runtimes/rootfs name
	rm -rf "$build/runtimes"
	make -s install DESTDIR="$PWD/$build/runtimes/root" >/dev/null
	mkdir -p "$root"/{bin,proc,sys,dev,etc,tmp,www}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in sh cat echo sleep httpd ip wget true; do
		ln -s busybox "$root/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo web | tee "$root/www/index.html" >"$root/etc/index.html"
	image web docker.io/library/nginx:latest '["/bin/httpd", "-f", "-p", "80", "-h", "/www"]'
	image pause docker.io/library/pause:1 '["/bin/sleep", "100000"]'
	cp test/runtimes/*.conf test/runtimes/*.conflist test/runtimes/*.toml "$build/runtimes/"
}

# add FILE: moves it to the image's blobs; prints its descriptor
add() {
	local sum
	sum=$(sha256sum <"$1")
	printf '"digest": "sha256:%s", "size": %s' "${sum%% *}" "$(stat -c %s "$1")"
	mv "$1" "$work/$name/blobs/sha256/${sum%% *}"
}

# image NAME REFERENCE COMMAND: NAME.tar is an archive, as OCI defines it, of an image with that root file system
image() {
	local name=$1 type=application/vnd.oci.image sum layer config manifest
	mkdir -p "$work/$name/blobs/sha256"
	tar -C "$build/runtimes/rootfs" --owner=0 --group=0 --numeric-owner -cf "$work/layer" .
	sum=$(sha256sum <"$work/layer")
	layer=$(add "$work/layer")
	cat >"$work/config" <<-END
		{"architecture": "amd64", "os": "linux", "config": {"Cmd": $3, "Env": ["PATH=/bin"]},
		 "rootfs": {"type": "layers", "diff_ids": ["sha256:${sum%% *}"]}}
	END
	config=$(add "$work/config")
	cat >"$work/manifest" <<-END
		{"schemaVersion": 2, "mediaType": "$type.manifest.v1+json",
		 "config": {"mediaType": "$type.config.v1+json", $config},
		 "layers": [{"mediaType": "$type.layer.v1.tar", $layer}]}
	END
	manifest=$(add "$work/manifest")
	cat >"$work/$name/index.json" <<-END
		{"schemaVersion": 2, "manifests": [{"mediaType": "$type.manifest.v1+json", $manifest,
		 "annotations": {"io.containerd.image.name": "$2", "org.opencontainers.image.ref.name": "$2"}}]}
	END
	echo '{"imageLayoutVersion": "1.0.0"}' >"$work/$name/oci-layout"
	tar -C "$work/$name" -cf "$build/runtimes/$name.tar" oci-layout index.json blobs
}

# versions RELEASE: rows of the versions of the packages that it has, as results are
versions() {
	# shellcheck disable=SC2016,SC2086 # for dpkg-query; a list of words
	test/userlands.sh run "$1" dpkg-query -W -f '${Package}\t${Version}\n' $packages 2>/dev/null |
		sed -nE 's/\t([0-9]+:)?([^-+~]+).*/\t\2/p'
}

# run RELEASE BATS_FILE...: runs them with the runtimes of that release, which add what has come of it to $work/RELEASE
run() {
	printf '\n== %s\n' "$1"
	install "$1"
	versions "$1" >"$work/$1"
	NM_RELEASE=$1 NM_RESULTS="$work/$1" test/run-tests.sh -- "${@:2}"
}

# cells RELEASE: its column of the table: a row's name, a tab, and what has come of it with both backends
cells() {
	grep -E "^($(tr ' ' '|' <<<"$packages"))"$'\t' "$work/$1" | sort
	sed -n -E 's/^(iptables|nftables)\t//p' "$work/$1" | sort -u |
		awk -F '\t' '$1 != row { printf "%s%s", sep, $0; row = $1; sep = "\n"; next } { printf " or %s", $2 } END { if (NR) print "" }'
}

# told RELEASE: the same column of the page
told() {
	awk -F ' Ta ' -v release="$1" '
		/^\.\\" runtimes\.sh$/ { within = 1 }
		within && /^\.It / { sub(/^\.It /, ""); gsub(/"/, "") }
		within && $1 == "Sy Debian" { for (i = 2; i <= NF; i++) if ($i == "Sy " release) column = i; next }
		within && NF > 1 && $column != "-" { print $1 "\t" $column }
		/^\.El$/ { within = 0 }' "$page"
}

# compare RELEASE: fails when the page says something else
compare() {
	diff -u --label "$page, $1" --label "found" <(told "$1" | sort) <(cells "$1" | sort) && echo "runtimes.sh: $page is right about $1"
}

# table: that of all releases
table() {
	local release
	for release in "${all[@]}"; do
		cells "$release" >"$work/cells-$release"
	done
	echo '.Bl -column "runc: natmap fails in poststart" unpublished unpublished unpublished'
	echo ".It Sy Debian$(printf ' Ta Sy %s' "${all[@]}")"
	(cd "$work" && awk -F '\t' '
		FNR == 1 { column++ }
		{ rows[$1]; cell[$1, column] = $2 }
		END {
			for (row in rows) {
				printf ".It %s", row
				for (c = 1; c <= column; c++)
					printf " Ta %s", ((row, c) in cell) ? cell[row, c] : "-"
				print ""
			}
		}' "${all[@]/#/cells-}") | LC_ALL=C sort
	echo .El
}

# page: the page with the table made anew
page() {
	table >"$work/table"
	awk -v table="$work/table" '
		!within
		/^\.\\" runtimes\.sh$/ { within = 1; while ((getline line <table) > 0) print line }
		/^\.El$/ { within = 0 }' "$page"
}

export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300} NM_MANY=${NM_MANY:-6}
verb=check
case ${1:-} in
check | write)
	verb=$1
	shift
	;;
esac
[[ $# -gt 0 ]] || set -- test/runtimes/*.bats
read -ra releases <<<"${NM_RELEASES:-bookworm}"
[[ $verb = check ]] || releases=("${all[@]}")

make -s all test-programs
stage
failed=0
for release in "${releases[@]}"; do
	run "$release" "$@" || failed=1
done
if [[ $verb = write ]]; then
	page >"$work/page"
	cat "$work/page" >"$page"
elif [[ "$*" = "$(echo test/runtimes/*.bats)" ]]; then
	for release in "${releases[@]}"; do
		compare "$release" || failed=1
	done
fi
exit "$failed"
