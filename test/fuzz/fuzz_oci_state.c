/* The container's state and annotations, as an OCI runtime writes them to the hook's stdin. */
#include "fuzz.h"
#include "base/prefix.h"
#include "input/oci_state.h"
#include "input/scan.h"
#include "model/mapping.h"

static void use(const struct nm_oci_state *st)
{
	nm_automappings struct nm_mappings mappings = {0};
	nm_autoprefixes struct nm_prefixes prefixes = {0};
	struct nm_err err;

	if (st->ports && nm_mappings_parse(st->ports, &mappings, &err) == 0)
		for (size_t i = 0; i < mappings.n; i++) {
			char text[NM_MAPPING_STRLEN];

			fuzz_require(nm_mapping_print(&mappings.v[i], text)[0]);
		}
	if (st->allow)
		(void)!nm_prefixes_parse(st->allow, 256, "allow", NM_ERR_REFUSED, &prefixes, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct nm_err err;
	pid_t pid;

	for (enum nm_oci_state_use how = NM_OCI_STATE_PUBLISH; how <= NM_OCI_STATE_WITHDRAW; how++) {
		NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};

		if (nm_oci_state_parse(text, size, how, NULL, &st, &err) < 0)
			fuzz_require(err.msg[0]);
		else
			use(&st);
		if (nm_oci_state_asks(&st)) /* what was opened before is of the process that it names */
			fuzz_require(nm_scan_pid(text, size) == st.pid);
		if (st.network)
			fuzz_require(nm_scan_has(text, size, "io.natmap.network"));
	}
	(void)nm_sources_scan(text, size);
	(void)nm_scan_has(text, size, "io.natmap.network");
	(void)nm_oci_state_is_stopped(text, size, &pid);
	return 0;
}
