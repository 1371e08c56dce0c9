/* base/port.c: sets of ports. */
#include "base/port.h"
#include "tap.h"

static const struct {
	const char *set;
	struct nm_ports ports;
	bool meets;
} rows[] = {
	{"80", {80, 80}, true},
	{"80", {81, 90}, false},
	{"80", {70, 79}, false},
	{"80, 8000-8010", {8010, 8020}, true},
	{"80, 8000-8010", {8011, 8020}, false},
	{"65535", {1, 65535}, true},
	{"", {1, 65535}, false},
	{"1-65535", {65535, 65535}, true},
	{"16", {14, 20}, true},
	{"21", {14, 21}, true},
	{"8", {7, 8}, true},
	{"79", {72, 75}, false},
	{"24", {8, 23}, false},
};

int main(void)
{
	nm_each(row, rows) {
		struct nm_port_set set;

		tap_ok(nm_port_set_parse(row->set, &set) == 0 &&
				nm_port_set_meets(&set, row->ports) == row->meets,
			"'%s' %s one of %u-%u", row->set, row->meets ? "has" : "does not have",
			row->ports.first, row->ports.last);
	}
	return tap_done();
}
