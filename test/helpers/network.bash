# shellcheck shell=bash
# Containers whose network natmap makes: each has an empty network namespace of its own, a node of the test's.

# box ID...: makes the namespace, and starts the process of the container. A named namespace outlives its process.
box() {
	local id
	for id; do
		ip netns add "$NM_NS-$id" && NM_NODES+=" $id" && ctr_start "$id" "$id" >/dev/null || return 1
	done
}

# unbox ID...: ends the process, and the namespace with it, as a runtime does before the hook after the end
unbox() {
	local id
	for id; do
		ctr_stop "$id" && ip netns del "$NM_NS-$id" || return 1
		NM_NODES=" $NM_NODES "
		NM_NODES=${NM_NODES/ $id / }
		NM_NODES=${NM_NODES# } NM_NODES=${NM_NODES% }
	done
}

# end_box ID...: the same, and the hook
end_box() {
	local id
	for id; do
		unbox "$id" && withdraw "$id" || return 1
	done
}

# network [MEMBERS] [MORE]: a configuration that allows networks, with these members of "network", and others
network() {
	config "{\"policy\": {\"network\": true}, \"network\": {${1:-}}${2:+, $2}}"
}

# address_of ID 4|6: its address on record
address_of() {
	local line
	line=$(grep "^{\"live\":1,.*\"id\":\"$1\"" "$NM_TMP/state/state") || return 1
	line=${line##*\"network\":}
	[[ $2 = 6 ]] || { [[ "$line" =~ \"([0-9.]+)/ ]] && echo "${BASH_REMATCH[1]}" && return; }
	[[ "$line" =~ \"([0-9a-f]+:[0-9a-f:]+)/ ]] && echo "${BASH_REMATCH[1]}"
}

# port_of ID: the host's end of its pair on record
port_of() {
	sed -n "s/^{\"live\":1,.*\"id\":\"$1\".*\"port\":\"\([^\"]*\)\".*/\1/p" "$NM_TMP/state/state"
}

# links: the names of natmap's interfaces on the host, and of those that it is deleting, sorted
links() {
	on host ip -o link | sed -En 's/^[0-9]+: ((natmap|nm)[^:@]*).*/\1/p' | sort | xargs
}

# links_are [NAME...]: these are left, soon: the kernel takes its time to delete one
links_are() {
	wait_for links_match "$*" || fail "interfaces on the host: $(links)" "expected: $*"
}

# none_is_aside: the kernel has deleted what natmap had put aside for it
none_is_aside() {
	[[ " $(links)" != *' nm-'* ]]
}

links_match() {
	[[ "$(links)" = "$1" ]]
}

# remember: sets $before to what the host has when nothing is published any more, chains included
remember() {
	box other
	publish other 7070:70 network=bridge
	end_box other
	links_are ""
	before=$(snapshot host)
}

# host_is_as_before: nothing of a network is left, nor any rule or setting
host_is_as_before() {
	assert_clean && links_are "" && same 'the host' "$before" "$(snapshot host)"
}
