#!/usr/bin/env bats
# podman with netavark, by the steps of natmap-runtimes(7).
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

@test "the page's steps: run, stop, start and rm, in both families" {
	local runtime
	podman_up
	follow podman-run
	assert_pages web 8080 4
	inbox podman stop --time 0 web
	assert_no_page 8080
	assert_nothing_left
	inbox podman start web
	assert_pages web 8080 4
	podman_ends web
	assert_nothing_left
	for runtime in crun runc; do
		follow podman-run "podman run" "podman --runtime $runtime run --network web"
		assert_pages web 8080
		podman_ends web
		assert_no_page 8080
		assert_nothing_left
		result "podman: run, with $runtime" published published
	done
}

@test "a container without podman's network has natmap's" {
	podman_up
	config_there "$(steps network-policy)"
	follow podman-network
	assert_pages web 8080
	inbox podman restart --time 0 web
	assert_pages web 8080
	podman_ends web
	assert_no_page 8080
	assert_nothing_left
	wait_for no_bridge
	result "podman: natmap's network" published published
}

@test "restart, and the policy that restarts what has failed" {
	podman_up
	podman_serves web 8080
	assert_pages web 8080
	inbox podman restart --time 0 web
	assert_pages web 8080
	podman_ends web
	assert_nothing_left
	result "podman: restart" published published
	# fails the first three times
	# shellcheck disable=SC2016 # for that shell
	inbox podman run --detach --name web --network web --restart on-failure --annotation io.natmap.ports=8080:80 --stop-signal KILL \
		docker.io/library/nginx sh -c 'echo >>/www/tries; [ "$(cat /www/tries | wc -l)" -gt 3 ] || exit 1; exec httpd -f -p 80 -h /www'
	assert_pages web 8080
	podman_ends web
	assert_nothing_left
	result "podman: restart on-failure" published published
}

@test "a pod: each container has ports of its own, and the address is the pod's" {
	podman_up
	inbox podman pod create --name pod --network web --infra-name infra
	inbox podman run --detach --pod pod --name one --annotation io.natmap.ports=8081:81 docker.io/library/nginx httpd -f -p 81 -h /www
	inbox podman run --detach --pod pod --name two --annotation io.natmap.ports=8082:82 docker.io/library/nginx httpd -f -p 82 -h /www
	assert_pages web 8081
	assert_pages web 8082
	podman_ends one
	assert_no_page 8081
	assert_pages web 8082
	inbox podman pod rm --force --time 0 pod
	assert_nothing_left
	result "podman: pod" published published
}

# kube_pod: a pod as kubectl would have it
kube_pod() {
	cat <<-END
		apiVersion: v1
		kind: Pod
		metadata:
		  name: pod
		  annotations:
		    io.natmap.ports: "8080:80"
		spec:
		  containers:
		  - name: web
		    image: docker.io/library/nginx:latest
		  - name: sidecar
		    image: docker.io/library/nginx:latest
		    command: ["sleep", "600"]
	END
}

@test "kube play: the annotation is the pod's, and its containers share the port, also over a restart of the pod" {
	podman_up
	kube_pod >"/proc/$box/root/tmp/pod.yaml"
	inbox podman kube play --network web /tmp/pod.yaml
	assert_pages web 8080
	inbox podman pod restart pod
	assert_pages web 8080
	inbox podman kube down /tmp/pod.yaml
	inbox podman pod rm --force --all
	assert_nothing_left
	result "podman: kube play" published published
}

@test "hook files that podman does not read, or whose program is not there, leave a container unpublished, and podman says nothing" {
	podman_up
	inbox mkdir -p /etc/containers/oci/hooks.d
	inbox mv /usr/share/containers/oci/hooks.d/natmap.json /etc/containers/oci/hooks.d/
	podman_serves web 8080
	assert_no_page 8080
	assert "$(published)" = ""
	result "podman: hook file in /etc" unpublished unpublished
	podman_ends web
	inbox sed -i '/^\[engine\]/a hooks_dir = ["/etc/containers/oci/hooks.d"]' /usr/share/containers/containers.conf
	podman_serves web 8080
	assert_pages web 8080
	podman_ends web
	result "podman: hooks_dir in /etc" published published
	inbox mv /usr/local/bin/natmap /usr/local/bin/gone
	podman_serves web 8080
	inbox mv /usr/local/bin/gone /usr/local/bin/natmap
	assert_no_page 8080
	result "podman: natmap missing" unpublished unpublished
	podman_ends web
	assert_nothing_left
}

# refused OPTION...: podman does not run a container with a port, since natmap refuses it
refused() {
	local said
	said=$(inbox podman run --detach --annotation io.natmap.ports=8080:80 "$@" docker.io/library/nginx 2>&1) && fail "runs: $*"
	[[ "$said" = *"/usr/local/bin/natmap"* ]] && assert_no_page 8080
}

@test "what has no address when it is created is refused, and with poststart and crun a late one is published" {
	podman_up crun
	refused --network none
	result "podman: network none" refused refused
	refused --network host
	result "podman: network host" refused refused
	refused --uidmap 0:100000:5000
	result "podman: uidmap" refused refused
	podman_ends --all
	inbox sed -i s/createRuntime/poststart/ /usr/share/containers/oci/hooks.d/natmap.json
	podman_serves web 8080 --uidmap 0:100000:5000
	assert_pages web 8080
	podman_ends web
	assert_nothing_left
	result "podman: uidmap, poststart" published published
}

@test "conmon and the container are killed: gc takes the port, and so does the next container" {
	local pid conmon
	podman_up
	podman_serves web 8080
	assert_pages web 8080
	pid=$(podman_of .State.Pid web)
	conmon=$(podman_of .State.ConmonPid web)
	inbox kill -KILL "$conmon" "$pid"
	wait_for process_ended "$pid"
	podman_serves other 8080
	assert_pages other 8080
	run_natmap gc
	assert_pages other 8080
	inbox kill -KILL "$(podman_of .State.ConmonPid other)" "$(podman_of .State.Pid other)"
	wait_for nothing_is_live
	run_natmap gc
	assert_nothing_left
	podman_ends --all
	assert_nothing_left
}

@test "conmon and the runtime are killed while they create a container: gc takes the port" {
	podman_up
	cat >"/proc/$box/root/usr/share/containers/oci/hooks.d/slow.json" <<-'END'
		{"version": "1.0.0", "hook": {"path": "/bin/sleep", "args": ["sleep", "600"]}, "when": {"always": true}, "stages": ["createRuntime"]}
	END
	daemon podman podman run --name web --network web --annotation io.natmap.ports=8080:80 docker.io/library/nginx
	wait_for something_runs
	inbox pkill -KILL -f '^/usr/bin/(conmon|crun)|^sleep 600|^podman run'
	wait_for nothing_is_live
	run_natmap gc
	assert_nothing_left
	inbox rm /usr/share/containers/oci/hooks.d/slow.json
	podman_ends web
	podman_serves web 8080
	assert_pages web 8080
	podman_ends web
	assert_nothing_left
}

something_runs() {
	[[ -n "$(published)" ]]
}

# nothing_is_live: after the end of the runtime, that of the process it has made comes by itself
nothing_is_live() {
	[[ -z "$(published)" ]]
}

process_ended() {
	refute inbox test -d "/proc/$1"
}

@test "many containers at once, all are reached, all go at once, and a storm of restarts leaves nothing" {
	local number names=()
	podman_up
	config_there '{"lock_timeout_ms": 50000}' # a busy machine is not to fail
	for ((number = 1; number <= $(many); number++)); do
		names+=("web$number")
	done
	at_once "$(many)" podman_serves_nth
	for ((number = 1; number <= $(many); number++)); do
		assert_page "web$number" ext "192.0.2.1:$((8000 + number))"
		assert_page "web$number" ext "[fd00:99::1]:$((8000 + number))"
	done
	assert "$(published | wc -w)" -eq "$(many)"
	for number in 1 2; do
		inbox podman restart --time 0 "${names[@]}"
	done
	for ((number = 1; number <= $(many); number++)); do
		assert_page "web$number" ext "192.0.2.1:$((8000 + number))"
	done
	podman_ends "${names[@]}"
	assert_nothing_left
}

# podman_serves_nth N: the Nth of them; what its hook says goes to a file, since crun throws it away otherwise
podman_serves_nth() {
	podman_serves "web$1" "$((8000 + $1))" --annotation run.oci.hooks.stderr=/tmp/hooks.log || {
		inbox cat /tmp/hooks.log
		return 1
	}
}

@test "checkpoint and restore: with runc, the port goes, and comes again" {
	if release_is bookworm; then # whose criu 3.17 cannot read what newer kernels give to a process (vdso)
		result "podman: restore, with runc" "no criu" "no criu"
		return
	fi
	podman_up runc
	inbox podman run --detach --name web --network web --annotation io.natmap.ports=8080:80 --stop-signal KILL \
		docker.io/library/nginx sh -c 'while true; do sleep 1; done'
	inbox podman container checkpoint web
	assert "$(published)" = ""
	assert_nothing_left
	inbox podman container restore web
	assert "$(published)" != ""
	podman_ends web
	assert_nothing_left
	result "podman: restore, with runc" published published
}
