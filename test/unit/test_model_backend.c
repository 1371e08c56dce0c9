/* model/backend.c: the names, as the configuration and records have them. */
#include "model/backend.h"
#include "tap.h"

int main(void)
{
	static const struct {
		const char *name;
		int expected; /* -1: none */
	} rows[] = {
		{"iptables", NM_BACKEND_IPTABLES},
		{"nftables", NM_BACKEND_NFTABLES},
		{"nftable", -1},
		{"nftables ", -1},
		{"NFTABLES", -1},
		{"auto", -1}, /* a choice of the configuration, not a backend */
		{"", -1},
	};

	nm_each(row, rows) {
		enum nm_backend backend = NM_BACKEND_MAX;
		bool known = nm_backend_parse(row->name, &backend);

		tap_ok(known == (row->expected >= 0) &&
				(int)backend == (known ? row->expected : NM_BACKEND_MAX),
			"'%s'", row->name);
		if (known)
			tap_is(nm_backend_name(backend), row->name, "and its name");
	}
	tap_ok(nm_backend_other(NM_BACKEND_IPTABLES) == NM_BACKEND_NFTABLES &&
			nm_backend_other(NM_BACKEND_NFTABLES) == NM_BACKEND_IPTABLES,
		"the other one of each");
	return tap_done();
}
