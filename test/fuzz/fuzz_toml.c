/* containerd's configuration, of which doctor reads where hooks are. */
#include <string.h>

#include "fuzz.h"
#include "input/toml.h"

static void on_event(void *ctx, const struct nm_toml_event *event)
{
	(void)ctx;
	(void)event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	if (text)
		(void)nm_toml_parse(text, on_event, NULL);
	free(text);
	return 0;
}
