/* The header line as text. No JSON parser reads it: at this point nothing in the file is trusted. */
#include "state/header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

enum { UUID_LEN = 36 };

int nm_state_header_self(struct nm_state_header *ret, struct nm_err *err)
{
	static const char boot_id[] = "/proc/sys/kernel/random/boot_id";

	if (nm_io_read_small(AT_FDCWD, boot_id, ret->boot, sizeof(ret->boot)) < 0)
		return nm_fail_errno(err, errno, "reading '%s'", boot_id);
	ret->boot[strcspn(ret->boot, "\n")] = '\0';
	if (strlen(ret->boot) != UUID_LEN) /* another id would make the state one of another boot */
		return nm_fail(err, NM_ERR_FAILED, "reading '%s': not a UUID", boot_id);
	ret->format = NM_STATE_FORMAT;
	if (nm_netns_self("net", &ret->netns, err) < 0 || nm_netns_self("pid", &ret->pidns, err) < 0)
		return -1;
	return 0;
}

static uint64_t at_most_ten_digits(uint64_t n)
{
	return n < NM_OFFSET_MAX ? n : NM_OFFSET_MAX;
}

size_t nm_state_header_print(const struct nm_state_header *h, char buf[static NM_STATE_HEADER_SIZE])
{
	return (size_t)snprintf(buf, NM_STATE_HEADER_SIZE,
		"{\"natmap\":%" PRId64 ",\"boot\":\"%s\",\"netns\":\"%" PRIu64 ":%" PRIu64
		"\",\"pidns\":\"%" PRIu64 ":%" PRIu64 "\",\"retired\":\"%010" PRIu64
		"\",\"blocks\":\"%010" PRIu64 "\"}\n",
		h->format, h->boot, h->netns.dev, h->netns.ino, h->pidns.dev, h->pidns.ino,
		at_most_ten_digits(h->retired), at_most_ten_digits(h->blocks));
}

int nm_state_header_parse(const char *line, struct nm_state_header *ret)
{
	struct nm_state_header h = {0};
	char printed[NM_STATE_HEADER_SIZE];
	size_t len;
	int n;

	n = sscanf(line,
		"{\"natmap\":%" SCNd64 ",\"boot\":\"%39[0-9a-f-]\",\"netns\":\"%" SCNu64 ":%" SCNu64
		"\",\"pidns\":\"%" SCNu64 ":%" SCNu64 "\",\"retired\":\"%" SCNu64 "\",\"blocks\":\"%" SCNu64,
		&h.format, h.boot, &h.netns.dev, &h.netns.ino, &h.pidns.dev, &h.pidns.ino, &h.retired,
		&h.blocks);
	if (n < 1 || h.format < 1)
		return -1;
	len = nm_state_header_print(&h, printed);
	/* what was printed differently cannot be written over in place */
	if (h.format <= NM_STATE_FORMAT && (n != 8 || strncmp(line, printed, len) != 0))
		return -1;
	*ret = h;
	return 0;
}
