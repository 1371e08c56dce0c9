# shellcheck shell=bash
# One of every kind of rule, in both families.

# static JSON: the configuration has these static rules, and no others
static() {
	config "{\"static\": {$1}}"
}

# static_all: one of every kind, in both families
static_all() {
	static '
		"dnat": [
			{"name": "ext", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25"},
			{"name": "if", "external_address": "203.0.113.44", "external_interface": "up0", "internal_address": "10.88.7.2",
			 "ports": "25,465,8000-8010", "protocol": "udp"},
			{"name": "any", "internal_address": "10.88.7.2", "ports": "26", "protocol": "sctp"},
			{"name": "many", "internal_address": "10.88.7.2", "ports": "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15-16,17"},
			{"name": "six", "external_address": "fd00:98::43", "internal_address": "fd00:7::2", "ports": "25,30"},
			{"name": "sixany", "external_interface": "up0", "internal_address": "fd00:7::2", "ports": "26-27"}],
		"snat": [
			{"name": "ext", "internal_address": "10.88.7.2", "external_address": "203.0.113.43"},
			{"name": "net", "internal_address": "10.88.7.77/24", "external_address": "203.0.113.44", "external_interface": "up0"},
			{"name": "six", "internal_address": "fd00:7::/64", "external_address": "fd00:98::43"}],
		"hairpin": [
			{"name": "self", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25,30-31"},
			{"name": "lan", "external_address": "203.0.113.43", "internal_address": "10.88.7.2", "ports": "25,30-31", "lan": "10.88.7.0/24"},
			{"name": "six", "external_address": "fd00:98::43", "internal_address": "fd00:7::2", "ports": "25", "protocol": "udp"},
			{"name": "sixlan", "external_address": "fd00:98::43", "internal_address": "fd00:7::2", "ports": "25", "lan": "fd00:7::/64"}]'
}

# mappings: ports of every kind but ranges, with every kind of host address, network, allow list and id
mappings() {
	local long
	long=$(printf 'x%.0s' {1..200})
	ctr_start allowed ctr2
	publish web '8080:80,5353:53/udp,5060:5060/sctp,192.0.2.1:8081:81,127.0.0.2:8082:82,[fd00:99::1]:8083:83/udp'
	publish allowed '8180:80,192.0.2.3:8181:81/udp' allow=192.0.2.0/24,198.51.0.0/17,192.0.2.9,fd00:99::/64,fd00:90::/29
	publish "$long" 8280:80 address=10.88.7.2/24,fd00:7::2/64
}
