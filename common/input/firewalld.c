#include "input/firewalld.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"

enum { CONF_SIZE = 64 * 1024 };

bool nm_firewalld_is_strict(void)
{
	char conf[CONF_SIZE], *rest = conf, *line;
	bool strict = false;

	if (nm_io_read_small(AT_FDCWD, NM_FIREWALLD_CONF, conf, sizeof(conf)) < 0)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		char value[sizeof("true")] = "";
		int begin = 0;

		(void)sscanf(line, " StrictForwardPorts = %n%4s", &begin, value);
		if (begin > 0)
			strict = !strncasecmp(value, "yes", 3) || !strcasecmp(value, "true");
	}
	return strict;
}
