#!/usr/bin/env bats
# containerd, by ctr and by CRI, by the steps of natmap-runtimes(7).
# shellcheck disable=SC2154 # $box comes from box_up, $output from run_natmap

load ../helpers/natmap
load ../helpers/programs
load ../helpers/runtimes

setup() {
	runtimes_up
}

teardown() {
	runtimes_down
}

# there FILE: writes stdin to it there
there() {
	cat >"/proc/$box/root$1"
}

# pod_files NAME PORT: the page's pod and its container, as /tmp/NAME-pod.json and /tmp/NAME.json: NAME, published on PORT, with a
# page NAME
pod_files() {
	steps cri-pod '"web"' "\"$1\"" 8080 "$2" | jq --arg group "/$NM_NS" '.linux.cgroup_parent = $group' | there "/tmp/$1-pod.json"
	steps cri-container '"web"' "\"$1\"" web.log "$1.log" |
		jq --arg name "$1" '.command = ["sh", "-c", "echo \($name) >/www/index.html; exec httpd -f -p 80 -h /www"]' | there "/tmp/$1.json"
}

# pod_runs NAME PORT: that pod; sets $pod and $container to the ids
pod_runs() {
	local ids
	pod_files "$1" "$2"
	ids=$(cri run "/tmp/$1.json" "/tmp/$1-pod.json") || return 1
	read -r pod container <<<"${ids//$'\n'/ }"
}

# pod_adds POD NAME [JQ]: a container of /tmp/NAME.json in that pod of the page's; prints its id
# shellcheck disable=SC2016 # for jq
pod_adds() {
	local container request='{pod_sandbox_id: $pod, config: ($config[0] | '${3:-.}'), sandbox_config: $sandbox[0]}'
	container=$(inbox jq -n --arg pod "$1" --slurpfile config "/tmp/$2.json" --slurpfile sandbox /tmp/web-pod.json "$request" |
		cri CreateContainer CreateContainerRequest Container) || return 1
	cri StartContainer Container Empty <<<"{\"container_id\": \"$container\"}" && echo "$container"
}

# pod_ends POD
pod_ends() {
	cri StopPodSandbox Sandbox Empty <<<"{\"pod_sandbox_id\": \"$1\"}"
	cri RemovePodSandbox Sandbox Empty <<<"{\"pod_sandbox_id\": \"$1\"}"
}

# container_ends CONTAINER
container_ends() {
	cri StopContainer Container Empty <<<"{\"container_id\": \"$1\"}"
	cri RemoveContainer Container Empty <<<"{\"container_id\": \"$1\"}"
}

# bundle_there [STEPS]: /tmp/bundle as the page has it, but with an image from here, and on which network these steps say
bundle_there() {
	local image=docker.io/library/busybox:latest
	images_up default
	inbox mkdir /tmp/bundle
	script "cd /tmp/bundle && $(steps bundle "ctr image pull $image" "ctr image tag docker.io/library/nginx:latest $image")"
	script "cd /tmp/bundle && jq '.process.rlimits = [] | .linux.cgroupsPath = \"/$NM_NS/web\"' config.json >new && mv new config.json"
	script "cd /tmp/bundle && $(steps "${1:-runc}")"
}

# ctr_ends ID: the page's steps for the end
ctr_ends() {
	inbox ctr task kill -s KILL "$1"
	wait_for task_deleted "$1"
	inbox ctr container delete "$1"
}

task_deleted() {
	inbox ctr task delete "$1" 2>/dev/null || [[ "$(inbox ctr task list -q)" != *"$1"* ]]
}

# serves_and_ends: web, by the page's step, has its port as long as it runs
serves_and_ends() {
	script "cd /tmp/bundle && $(steps ctr-run) </dev/null >/dev/null"
	assert_pages web 8080
	assert "$(published)" = web
	ctr_ends web
	assert_no_page 8080
	assert_nothing_left
}

@test "ctr: the page's steps, and what ctr --cni cannot do" {
	containerd_up
	follow network
	bundle_there
	serves_and_ends
	result "containerd: ctr run" published published
	# the network that ctr makes comes after the hooks
	inbox sh -c 'cd /tmp/bundle && jq "del(.linux.namespaces[] | select(.type == \"network\").path)" config.json >new && mv new config.json'
	refute script 'cd /tmp/bundle && CNI_PATH=/usr/lib/cni ctr run --detach --cni --config config.json late </dev/null'
	result "containerd: ctr run, CNI" refused refused
	assert_nothing_left
	daemon_stop containerd
}

@test "ctr: a container is on a network of natmap's" {
	containerd_up
	config_there "$(steps network-policy)"
	bundle_there runc-network
	serves_and_ends
	wait_for no_bridge
	result "containerd: natmap's network" published published
	daemon_stop containerd
}

@test "CRI: the page's pod, from the sandbox to its end" {
	local version pod container
	for version in 2 $(! release_is sid || echo 3); do
		inbox rm -f /etc/containerd/config.toml
		containerd_up "$version"
		pod_runs web 8080
		assert_pages web 8080
		assert "$(published)" = "$container"
		pod_ends "$pod"
		assert_no_page 8080
		assert_nothing_left
		daemon_stop containerd
		result "containerd: pod, version $version" published published
	done
}

@test "CRI: a pod whose annotation is not ports is refused, and kubelet sees why; a second container of a pod shares its ports" {
	local pod container first
	containerd_up
	pod_runs web 8080
	first=$container
	assert_pages web 8080
	# the sidecar gets the pod's annotation, too
	steps cri-container '"web"' '"sidecar"' | jq '.command = ["sleep", "600"]' | there /tmp/sidecar.json
	container=$(pod_adds "$pod" sidecar)
	assert "$(published | wc -w)" -eq 2
	assert_pages web 8080
	container_ends "$container"
	assert_pages web 8080
	result "containerd: pod of two" published published
	# a container that starts again is another one in the same sandbox
	container_ends "$first"
	assert_no_page 8080
	pod_adds "$pod" web '.metadata.attempt = 1'
	assert_pages web 8080
	pod_ends "$pod"
	assert_nothing_left
	pod_files bad 8080:80:90
	! cri run /tmp/bad.json /tmp/bad-pod.json >"$NM_TMP/said" 2>&1 || fail "a pod without ports runs"
	assert "$(<"$NM_TMP/said")" has 'natmap: container '
	assert_nothing_left
	daemon_stop containerd
}

pod_nth() {
	pod_runs "pod$1" "$((8000 + $1))" && echo "$pod" >"$NM_TMP/pod-$1"
}

pod_ends_nth() {
	pod_ends "$(<"$NM_TMP/pod-$1")"
}

@test "CRI: many pods at once, all are reached, and all go at once" {
	local number
	containerd_up
	config_there '{"lock_timeout_ms": 9000}' # a busy machine is not to fail, before the hook's timeout of 10 s
	at_once "$(many)" pod_nth
	for ((number = 1; number <= $(many); number++)); do
		assert_page "pod$number" ext "192.0.2.1:$((8000 + number))"
		assert_page "pod$number" ext "[fd00:99::1]:$((8000 + number))"
	done
	assert "$(published | wc -w)" -eq "$(many)"
	at_once "$(many)" pod_ends_nth
	assert_nothing_left
	daemon_stop containerd
}

# kills PATTERN: kills the process there whose command line begins so
kills() {
	local id
	id=$(inbox pgrep -o -f -- "^$1")
	inbox kill -KILL "$id"
	wait_for ended "$id"
}

ended() {
	[[ ! -d /proc/$box/root/proc/$1 ]] || grep -q '^State:.[ZX]' "/proc/$box/root/proc/$1/status"
}

@test "CRI: a container whose shim is killed, and a containerd that is killed, leave nothing that gc does not take" {
	local pod container
	containerd_up
	pod_runs web 8080
	assert_pages web 8080
	# the ports stay while containerd is not there, and go when it is again
	kills containerd$
	assert_pages web 8080
	run_natmap gc
	assert_pages web 8080
	containerd_start
	assert_pages web 8080
	pod_ends "$pod"
	assert_no_page 8080
	assert_nothing_left
	# the shim has the hooks run; without it containerd does
	pod_runs web 8080
	assert_pages web 8080
	kills '[^ ]*containerd-shim'
	wait_for nothing_is_published
	wait_for pod_ends "$pod" # containerd has to notice first
	assert_nothing_left
	# between create and start
	inbox sh -c 'jq ".hooks.createRuntime += [{path: \"/bin/sleep\", args: [\"sleep\", \"600\"]}]" /etc/containerd/natmap.json >/tmp/new &&
		cat /tmp/new >/etc/containerd/natmap.json'
	daemon_stop containerd
	containerd_start
	pod_files slow 8080
	daemon slow /mnt/test/helpers/cri.sh run /tmp/slow.json /tmp/slow-pod.json
	wait_for something_is_published
	kills containerd$
	kills 'sleep 600'
	inbox pkill -KILL -f '[^ ]*containerd-shim' || :
	inbox pkill -KILL -f 'runc init' || :
	run_natmap gc
	assert_nothing_left
}

nothing_is_published() {
	inbox natmap gc >/dev/null
	[[ -z "$(inbox natmap list | sed 1d)" ]]
}

something_is_published() {
	[[ -n "$(published)" ]]
}
