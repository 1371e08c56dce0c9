#include "model/tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PREFIX "natmap:"
enum { PREFIX_LEN = sizeof(PREFIX) - 1, HASH_LEN = 17, PORTS_LEN = sizeof(":65535-65535") - 1 };

/* What the prefix and the longest ports leave for an owner. */
enum {
	OWNER_MAX = NM_TAG_SIZE - 1 - PREFIX_LEN - PORTS_LEN,
	OLD_OWNER_MAX = 254 - PREFIX_LEN - PORTS_LEN, /* of natmap up to 0.1.0 */
	KEPT_MAX = OWNER_MAX - HASH_LEN,              /* of an owner that is cut */
};

/* The owner, or what stands for one of more than max bytes. */
static const char *cut_owner(const char *owner, size_t max, char buf[static OLD_OWNER_MAX + 1])
{
	size_t len = strlen(owner);

	if (len <= max)
		return owner;
	(void)snprintf(buf, max + 1, "%.*s~%016" PRIx64, (int)max - HASH_LEN, owner,
		nm_hash(NM_HASH_BEGIN, owner, len));
	return buf;
}

const char *nm_tag_print(const char *owner, struct nm_ports ports, char buf[static NM_TAG_SIZE])
{
	struct nm_text tag = {.buf = buf, .size = NM_TAG_SIZE};
	char cut[OLD_OWNER_MAX + 1];

	buf[0] = '\0';
	if (!owner)
		return buf;
	nm_text_put(&tag, PREFIX "%s", cut_owner(owner, OWNER_MAX, cut));
	if (ports.first)
		nm_text_put(&tag, ports.first == ports.last ? ":%u" : ":%u-%u", ports.first, ports.last);
	return buf;
}

static bool starts_with(const char **text, size_t *len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (*len < n || memcmp(*text, prefix, n))
		return false;
	*text += n;
	*len -= n;
	return true;
}

/* "80", or "80-90" with the higher one last. */
static bool is_ports(const char *text, size_t len)
{
	uint16_t first, last;

	if (nm_port_range_parse(text, len, &first, &last) < 0)
		return false;
	return first != last || !memchr(text, '-', len);
}

/* The tag begins with PREFIX and the owner; what follows is ports. */
static bool has_owner(const char *tag, size_t len, const char *owner)
{
	if (!starts_with(&tag, &len, PREFIX) || !starts_with(&tag, &len, owner))
		return false;
	if (owner[0] == '@')
		return len == 0;
	return len > 1 && tag[0] == ':' && is_ports(tag + 1, len - 1);
}

bool nm_tag_is_of(const char *tag, size_t len, const char *owner)
{
	char cut[OLD_OWNER_MAX + 1];

	return has_owner(tag, len, cut_owner(owner, OWNER_MAX, cut)) ||
		has_owner(tag, len, cut_owner(owner, OLD_OWNER_MAX, cut));
}

bool nm_tag_is_of_container(const char *tag, size_t len)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+,.-~";
	const char *colon;

	if (!starts_with(&tag, &len, PREFIX))
		return false;
	colon = memrchr(tag, ':', len);
	for (const char *p = tag; colon && p < colon; p++)
		if (!memchr(alphabet, *p, sizeof(alphabet) - 1))
			return false;
	return colon && colon > tag && is_ports(colon + 1, len - (size_t)(colon + 1 - tag));
}

bool nm_tag_is_ours(const char *tag, size_t len)
{
	if (nm_tag_is_of_container(tag, len))
		return true;
	return starts_with(&tag, &len, PREFIX) && len > 1 && tag[0] == '@';
}

uint64_t nm_tag_hash(const char *tag, size_t len)
{
	bool is_ours = starts_with(&tag, &len, PREFIX);
	const char *colon = is_ours && len > 0 && tag[0] != '@' ? memrchr(tag, ':', len) : NULL;
	size_t owner_len = colon ? (size_t)(colon - tag) : len;

	return nm_hash(NM_HASH_BEGIN, tag, owner_len < KEPT_MAX ? owner_len : KEPT_MAX);
}

bool nm_tag_is_made(const char *tag, size_t len)
{
	return tag && len == sizeof(NM_TAG_MADE) - 1 && !memcmp(tag, NM_TAG_MADE, len);
}

static uint64_t hash_owner_of(const void *owners, size_t i)
{
	static const struct nm_ports no_ports;
	char tag[NM_TAG_SIZE];

	nm_tag_print(((const char *const *)owners)[i], no_ports, tag);
	return nm_tag_hash(tag, strlen(tag));
}

int nm_tag_index_owners(const char *const *owners, size_t n, struct nm_hash_index *ret, struct nm_err *err)
{
	return nm_hash_index_make(owners, n, hash_owner_of, ret, err);
}

ssize_t nm_tag_find_owner(
	const struct nm_hash_index *index, const char *const *owners, const char *tag, size_t len)
{
	size_t position = 0;
	ssize_t i;

	while (index->n && (i = nm_hash_index_next(index, nm_tag_hash(tag, len), &position)) >= 0)
		if (nm_tag_is_of(tag, len, owners[i]))
			return i;
	return -1;
}
