/* The hash is of the tag without its ports. */
#include "iptables/owner_index.h"

#include <string.h>

static uint64_t hash(const char *tag, size_t len)
{
	return nm_hash(NM_HASH_BEGIN, tag, len);
}

static uint64_t hash_owner(const void *owners, size_t i)
{
	const struct nm_rule rule = {.owner = ((const char *const *)owners)[i]};
	char tag[NM_TAG_SIZE];

	nm_rule_tag(&rule, tag);
	return hash(tag, strlen(tag));
}

int nm_iptables_owner_index_make(
	const char *const *owners, size_t n, struct nm_owner_index *ret, struct nm_err *err)
{
	ret->owners = owners;
	return nm_hash_index_make(owners, n, hash_owner, &ret->index, err);
}

void nm_owner_index_done(struct nm_owner_index *index)
{
	nm_hash_index_done(&index->index);
}

static bool has(const struct nm_owner_index *index, uint64_t h, const char *tag, size_t len)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_hash_index_next(&index->index, h, &position)) >= 0)
		if (nm_tag_is_of(tag, len, index->owners[i]))
			return true;
	return false;
}

/* A tag ends in ports, or its owner begins with '@': both are tried. */
bool nm_owner_index_has(const struct nm_owner_index *index, const char *tag, size_t len)
{
	const char *colon = index->index.n ? memrchr(tag, ':', len) : NULL;

	return colon &&
		(has(index, hash(tag, (size_t)(colon - tag)), tag, len) ||
			has(index, hash(tag, len), tag, len));
}
