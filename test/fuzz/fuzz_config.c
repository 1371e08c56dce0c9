/* natmap.json, which is the administrator's, and what a mistake in it must not do. */
#include "fuzz.h"
#include "input/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nm_autoconfig struct nm_config config;
	struct nm_err err;

	nm_config_init(&config);
	if (nm_config_parse(&config, (const char *)data, size, "natmap.json", &err) < 0)
		fuzz_require(err.msg[0]);
	return 0;
}
