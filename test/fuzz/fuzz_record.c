/* A line of the state file: one that is read is written to a line that can be read. */
#include <string.h>

#include "fuzz.h"
#include "input/json.h"
#include "state/record_json.h"

static void check_again(const struct nm_record *r)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();
	NM_CLEANUP(nm_record_done) struct nm_record again = {0};
	const char *line;
	struct nm_err err;
	size_t len;

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_record_json_write(r, w);
	nm_json_write_end(w, NM_JSON_OBJECT);
	line = nm_json_writer_finish(w, &len, &err);
	fuzz_require(line && nm_record_json_read(line, len, &again, &err) == 0);
	fuzz_require(!strcmp(r->id, again.id) && r->mappings.n == again.mappings.n &&
		nm_network_attachment_same(&r->network, &again.network));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	NM_CLEANUP(nm_record_done) struct nm_record record = {0};
	NM_CLEANUP(nm_record_done) struct nm_record part = {0};
	struct nm_err err;

	if (nm_record_json_read((const char *)data, size, &record, &err) == 0)
		check_again(&record);
	(void)!nm_record_json_read_part((const char *)data, size, &part, &err);
	return 0;
}
