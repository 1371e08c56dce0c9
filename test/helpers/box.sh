#!/bin/bash
# box.sh: what programs.bash runs as the first process of a release's folder: nothing that is written there stays, and daemons'
# orphans are waited for.
set -eu

for dir in etc var; do
	mkdir -p "/tmp/$dir" "/tmp/work-$dir"
	mount -t overlay overlay -o "lowerdir=/$dir,upperdir=/tmp/$dir,workdir=/tmp/work-$dir" "/$dir"
done
mkdir -p /var/lib/docker /run/lock /run/dbus
mount -t tmpfs tmpfs /var/lib/docker # whose layers no overlay takes
: >/run/ready
while :; do
	sleep 1000
done
