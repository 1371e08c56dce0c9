/* io.natmap.ports: what is accepted prints to a text that means the same. */
#include <string.h>

#include "fuzz.h"
#include "model/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nm_automappings struct nm_mappings mappings = {0};
	char *text = strndup((const char *)data, size);
	struct nm_err err;

	if (text && nm_mappings_parse(text, &mappings, &err) == 0)
		for (size_t i = 0; i < mappings.n; i++) {
			nm_automappings struct nm_mappings again = {0};
			char first[NM_MAPPING_STRLEN], second[NM_MAPPING_STRLEN];

			nm_mapping_print(&mappings.v[i], first);
			fuzz_require(nm_mappings_parse(first, &again, &err) == 0 && again.n == 1);
			fuzz_require(!strcmp(first, nm_mapping_print(&again.v[0], second)));
		}
	free(text);
	return 0;
}
