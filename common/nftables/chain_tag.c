#include "nftables/chain_tag.h"

#include <string.h>

#include "base/text.h"

/* What behind its beginning tells a rule for blocks. */
static void print_block(const struct nm_nftables_chain_rule *rule, struct nm_text *tag)
{
	if (rule->prefix_length < 0)
		nm_text_put(tag, NM_NFTABLES_RANGES_TAG "%s", nm_nftables_sets[rule->template->set].name);
	if (rule->protocol)
		nm_text_put(tag, "/%s", nm_mapping_protocol_name(rule->protocol));
	nm_text_put(tag, "/%u", nm_nftables_block_length(rule->level));
}

const char *nm_nftables_chain_tag(const struct nm_nftables_chain_rule *rule, char buf[static NM_TAG_SIZE])
{
	struct nm_text tag = {.buf = buf, .size = NM_TAG_SIZE};

	buf[0] = '\0';
	if (rule->template->tag)
		nm_text_put(&tag, "%s", rule->template->tag);
	if (rule->prefix_length >= 0)
		nm_text_put(&tag, "%d", rule->prefix_length);
	if (rule->level)
		print_block(rule, &tag);
	return buf;
}

/* What is left of a comment to be read. */
struct rest {
	const char *text;
	size_t len;
};

static bool skip(struct rest *rest, const char *before)
{
	size_t len = strlen(before);

	if (rest->len < len || memcmp(rest->text, before, len) != 0)
		return false;
	rest->text += len;
	rest->len -= len;
	return true;
}

/* Reads up to a slash or the end. */
static struct rest read_part(struct rest *rest)
{
	const char *slash = rest->len ? memchr(rest->text, '/', rest->len) : NULL;
	struct rest part = {rest->text, slash ? (size_t)(slash - rest->text) : rest->len};

	rest->text += part.len + (slash != NULL);
	rest->len -= part.len + (slash != NULL);
	return part;
}

/* Reads "udp/12", or "12" if the rules are for any protocol. 0: neither. */
static uint32_t read_bit(struct rest rest, bool per_protocol)
{
	uint8_t protocol = 0, level;
	uint64_t length;

	if (per_protocol) {
		struct rest name = read_part(&rest);

		if (nm_mapping_protocol_parse(name.text, name.len, &protocol) < 0)
			return 0;
	}
	if (nm_text_number(rest.text, rest.len, 16, &length) < 0)
		return 0;
	level = nm_nftables_block_level(length);
	return level ? nm_nftables_layout_bit(level, protocol) : 0;
}

static bool read_length(struct rest rest, uint32_t lengths[static 129])
{
	struct rest number = read_part(&rest);
	uint64_t len;
	uint32_t bit;

	if (nm_text_number(number.text, number.len, 128, &len) < 0)
		return false;
	bit = number.text + number.len == rest.text ? NM_LENGTH_PORTS : read_bit(rest, true);
	lengths[len] |= bit;
	return bit;
}

static bool read_ranges(struct rest rest, struct nm_nftables_prefix_lengths *lengths)
{
	struct rest name = read_part(&rest);

	for (enum nm_nftables_set set = NM_SET_RANGES; set < NM_SET_MAX; set++) {
		uint32_t bit;

		if (strlen(nm_nftables_sets[set].name) != name.len ||
			memcmp(nm_nftables_sets[set].name, name.text, name.len) != 0)
			continue;
		bit = read_bit(rest, nm_nftables_layout_is_per_protocol(set));
		lengths->ranges[set] |= bit;
		return bit;
	}
	return false;
}

bool nm_nftables_chain_tag_read(const char *tag, size_t tag_len, struct nm_nftables_prefix_lengths *lengths)
{
	struct rest rest = {tag, tag_len};

	if (skip(&rest, NM_NFTABLES_MASQUERADE_TAG))
		return read_length(rest, lengths->masquerade);
	if (skip(&rest, NM_NFTABLES_ALLOWED_TAG))
		return read_length(rest, lengths->allowed);
	if (skip(&rest, NM_NFTABLES_BRIDGES_TAG))
		return rest.len == 0;
	if (skip(&rest, NM_NFTABLES_SUBNETS_TAG))
		return read_length(rest, lengths->subnets);
	return skip(&rest, NM_NFTABLES_RANGES_TAG) && read_ranges(rest, lengths);
}
