#!/bin/bash
# cri.sh METHOD REQUEST RESPONSE: calls METHOD of a container runtime's CRI, which is gRPC over HTTP/2, as a kubelet does. The
# request is the message REQUEST of cri.proto, as JSON on stdin; prints the id in the RESPONSE. Fails when the runtime does, with its
# message on stderr.
#
# cri.sh run CONTAINER_FILE POD_FILE: does what `crictl run` does with these files; prints the ids of the sandbox and of the container.
# Debian has no package with crictl.
set -eu

if [[ "$1" = run ]]; then
	pod=$(jq '{config: .}' "$3" | "$0" RunPodSandbox RunPodSandboxRequest Sandbox)
	container=$(jq -n --arg pod "$pod" --slurpfile config "$2" --slurpfile sandbox "$3" \
		'{pod_sandbox_id: $pod, config: $config[0], sandbox_config: $sandbox[0]}' |
		"$0" CreateContainer CreateContainerRequest Container)
	"$0" StartContainer Container Empty <<<"{\"container_id\": \"$container\"}"
	printf '%s\n' "$pod" "$container"
	exit
fi

socket=${CRI_SOCKET:-/run/containerd/containerd.sock}
proto=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# as_text: JSON as protobuf's text format
as_text() {
	jq -r '
		def text: to_entries | map(.key as $key | .value |
			if $key == "annotations" or $key == "labels" then
				to_entries | map("\($key) { key: \(.key | @json) value: \(.value | @json) }") | join(" ")
			elif type == "object" then "\($key) { \(text) }"
			elif type == "array" then map("\($key): \(@json)") | join(" ")
			else "\($key): \(@json)" end) | join(" ");
		text'
}

# A message is preceded by a byte that says that it is not compressed, and its length.
as_text | protoc -I "$proto" --encode="runtime.v1.$2" cri.proto >"$work/message"
len=$(stat -c %s "$work/message")
printf -v head '\\x00\\x%02x\\x%02x\\x%02x\\x%02x' $((len >> 24)) $((len >> 16 & 255)) $((len >> 8 & 255)) $((len & 255))
# shellcheck disable=SC2059 # the bytes
{ printf "$head" && cat "$work/message"; } >"$work/request"
curl --silent --show-error --max-time 120 --http2-prior-knowledge --unix-socket "$socket" \
	--header 'content-type: application/grpc' --header 'te: trailers' --data-binary "@$work/request" \
	--dump-header "$work/head" --output "$work/answer" "http://localhost/runtime.v1.RuntimeService/$1"
if ! grep -qi '^grpc-status: 0' "$work/head"; then
	sed -n 's/^grpc-message: //p' "$work/head" >&2
	exit 1
fi
tail -c +6 "$work/answer" | protoc -I "$proto" --decode="runtime.v1.$3" cri.proto | sed -n 's/^[a-z_]*_id: "\(.*\)"$/\1/p'
