#!/bin/bash
# userlands.sh [NAME...] [-- BATS_FILE...]
# userlands.sh run|prepare NAME COMMAND...
#
# Builds natmap with warnings as errors and runs the unit tests and the bats files in other releases of Debian (default:
# trixie and sid; trixie-i386 is one for another machine, which this one's kernel must be able to run), on this machine's
# kernel: with their compiler, C library, iptables and nft. As root.
#
# A release is a folder that debootstrap makes at the first run and that is kept: remove it for a newer one. Tests run there
# with mounts, processes and a network of their own, so that they leave nothing behind.
#
# run: runs the command in a release, in the caller's network namespace: iptables and nft of one that need not be able to
# build natmap. prepare: the same, while nobody else prepares it, as it is right for installing something.
#
# NM_USERLANDS=DIR  where the folders are (default /var/cache/natmap-userlands)
# NM_BACKEND, NM_TEST_STRICT, NM_TEST_JOBS: see run-tests.sh
set -eu

cd "$(dirname "$0")/.."
tree=$PWD
store=${NM_USERLANDS:-/var/cache/natmap-userlands}

# mirror: where this machine gets Debian from; nothing when it does not, and debootstrap uses its default
mirror() {
	# shellcheck disable=SC2016 # for apt-get
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1
}

# inside DIR [OPTION...] -- COMMAND...: runs it there, the tree at /mnt; OPTIONs are for unshare
inside() {
	local dir=$1 options=()
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private --pid --fork --kill-child "${options[@]}" -- sh -euc '
		dir=$1 tree=$2
		shift 2
		mount --bind "$dir" "$dir"
		mount -t proc proc "$dir/proc"
		mount --rbind /sys "$dir/sys"
		mount --rbind /dev "$dir/dev"
		mount -t tmpfs tmpfs "$dir/run"
		mkdir "$dir/run/netns"
		mount --bind "$dir/run/netns" "$dir/run/netns" # or two ip that make it at once mount it without end
		mount -t tmpfs tmpfs "$dir/tmp"
		mount --bind "$tree" "$dir/mnt"
		cd "$dir"
		pivot_root . . # criu refuses what has been under chroot
		umount -l .
		exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"' \
		sh "$dir" "$tree" "$@"
}

# bootstrap NAME: makes the folder under another name first, so that one with the right name is whole
bootstrap() {
	local new=$store/.new-$1 release=${1%-*} arch="" from
	[[ $1 != *-* ]] || arch=--arch=${1##*-}
	rm -rf --one-file-system "$new"
	from=$(mirror)
	echo "userlands: making $store/$1" >&2
	if ! unshare --mount --propagation private -- \
		debootstrap --variant=minbase --include=iptables,nftables ${arch:+"$arch"} "$release" "$new" ${from:+"$from"} >"$new.log" 2>&1; then
		tail -n 20 "$new.log" >&2
		return 1
	fi
	apt-config dump Acquire >"$new/etc/apt/apt.conf.d/90host" # proxies and the like
	rm -rf "$new/var/cache/apt/archives" "$new.log"
	mv -T "$new" "$store/$1"
}

# prepare NAME [COMMAND...]: the folder is there, and COMMAND has run in it. Others who prepare it at the same time wait.
prepare() {
	(
		flock 9
		[[ -d "$store/$1" ]] || bootstrap "$1"
		[[ $# = 1 ]] || inside "$store/$1" -- "${@:2}"
	) 9>"$store/.lock-$1"
}

# check NAME BATS_FILE...
check() {
	printf '\n== %s\n' "$1: $(chroot "$store/$1" getconf GNU_LIBC_VERSION)"
	inside "$store/$1" --net -- NM_BACKEND="${NM_BACKEND:-}" NM_TEST_STRICT="${NM_TEST_STRICT:-}" \
		NM_TEST_JOBS="${NM_TEST_JOBS:-2}" make -C /mnt --no-print-directory -j2 check WERROR=1 BUILD="build/$1" BATS="${*:2}"
}

mkdir -p "$store"
if [[ ${1:-} = prepare ]]; then
	prepare "${@:2}"
	exit
fi
if [[ ${1:-} = run ]]; then
	prepare "$2"
	inside "$store/$2" -- "${@:3}"
	exit
fi

names=() failed=0
while [[ $# -gt 0 && "$1" != -- ]]; do
	names+=("$1")
	shift
done
[[ ${#names[@]} -gt 0 ]] || names=(trixie sid)
shift $(($# > 0))
[[ $# -gt 0 ]] || set -- test/*.bats

for name in "${names[@]}"; do
	prepare "$name" /mnt/test/install-deps.sh
	check "$name" "$@" || failed=1
done
exit "$failed"
