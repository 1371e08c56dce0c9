/* host/sysctl.c, host/forwarding.c: a setting that is not there is told from one that cannot be read. */
#include "host/sysctl.h"

#include <sys/resource.h>

#include "host/forwarding.h"
#include "tap.h"

static const char there[] = "net/ipv4/ip_forward", missing[] = "net/ipv4/no_such_setting";

static void test_kinds(enum nm_err_kind kind, const char *name)
{
	struct nm_err err = {.kind = NM_ERR_NONE};
	bool is_set;
	int value;

	is_set = nm_sysctl_get(name, &value, &err) == 0;
	tap_ok(!is_set && err.kind == kind, "get %s: kind %d", name, err.kind);
	is_set = nm_sysctl_set(name, 1, &err) == 0;
	tap_ok(!is_set && err.kind == kind, "set %s: kind %d", name, err.kind);
	is_set = nm_sysctl_can_set(name, 1, &err) == 0;
	tap_ok(!is_set && err.kind == kind, "can set %s: kind %d", name, err.kind);
}

static void test_forwarding(void)
{
	struct nm_err err = {.kind = NM_ERR_NONE};
	bool on;

	tap_ok(nm_forwarding_has_interfaces(NM_IPV6, &on, &err) < 0 && err.kind == NM_ERR_FAILED,
		"by interface: %s", err.msg);
	tap_ok(nm_forwarding_read_global(NM_IPV6, &on, &err) < 0 && err.kind == NM_ERR_FAILED, "for all: %s",
		err.msg);
}

int main(void)
{
	struct rlimit before, none = {.rlim_cur = 3};

	test_kinds(NM_ERR_MISSING, missing);
	tap_ok(getrlimit(RLIMIT_NOFILE, &before) == 0, "descriptors");
	none.rlim_max = before.rlim_max;
	tap_ok(setrlimit(RLIMIT_NOFILE, &none) == 0, "no more descriptors");
	test_kinds(NM_ERR_FAILED, there);
	test_forwarding();
	tap_ok(setrlimit(RLIMIT_NOFILE, &before) == 0, "and more again, for sanitizers");
	return tap_done();
}
