#!/bin/sh
# The servers of traffic.bash run this for each connection or packet: it answers every line it gets with $NM_ANSWER,
# in which %p becomes the address of the peer (socat writes IPv6 as [fd00:0099:0000:0000:0000:0000:0000:0002]).
peer=${SOCAT_PEERADDR:-}
case $peer in
*:*) peer=$(printf '%s\n' "$peer" | sed -E 's/[][]//g; s/(^|:)0{1,3}/\1/g; s/(:0)+(:|$)/:\2/') ;;
esac
while read -r _; do
	case $NM_ANSWER in
	*%p*) printf '%s%s%s\n' "${NM_ANSWER%%%p*}" "$peer" "${NM_ANSWER#*%p}" ;;
	*) printf '%s\n' "$NM_ANSWER" ;;
	esac
done
