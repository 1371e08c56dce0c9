#include "nftables/elements.h"

#include "base/array.h"

int nm_nftables_elements_add(
	struct nm_nftables_elements *elements, const struct nm_nftables_element *e, struct nm_err *err)
{
	if (nm_grow(elements, "preparing the elements", err) < 0)
		return -1;
	elements->v[elements->n++] = *e;
	return 0;
}

void nm_nftables_elements_done(struct nm_nftables_elements *elements)
{
	free(elements->v);
	*elements = (struct nm_nftables_elements){0};
}

const char *nm_nftables_element_tag(const struct nm_nftables_element *e, char buf[static NM_TAG_SIZE])
{
	return nm_tag_print(e->owner, (struct nm_ports){e->owner_port, e->owner_port}, buf);
}
