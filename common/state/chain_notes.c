#include "state/chain_notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "state/file.h"
#include "state/verified.h"

#define BASE_FORM     "%" PRIu32 " %u"
#define BASE_SCAN     "%" SCNu32 " %u%n"
#define NOTE_FORM     " %" PRIx32 ":%" PRIx32 ":%" PRIx32 ":%d"
#define NOTE_SCAN     " %" SCNx32 ":%" SCNx32 ":%" SCNx32 ":%d%n"
#define CONSTANT_FORM " %" PRIu32 " %" PRIx64 " %" PRIx64
#define CONSTANT_SCAN " %" SCNu32 " %" SCNx64 " %" SCNx64 "%n"

enum {
	AT = NM_LOCK_WAITS_SIZE,
	NOTE_SIZE = 3 * 9 + 3,
	LINE_SIZE = 2 * 11 + NM_FAMILY_MAX * NM_HANDLES_CHAINS * NOTE_SIZE + 11 + NM_FAMILY_MAX * 17 + 20,
};

/* Where, and of which state file: another one need not have the records of the rules that are there. */
static bool find_place(const struct nm_state *st, int socket, uint64_t *ret)
{
	struct stat info;

	if (!nm_verified_place(st, socket, ret) || fstat(st->fd, &info) < 0)
		return false;
	*ret = nm_hash(*ret, (const uint64_t[]){info.st_dev, info.st_ino}, 2 * sizeof(uint64_t));
	return true;
}

static size_t print(const struct nm_chain_notes *notes, uint64_t place, char line[static LINE_SIZE])
{
	int n = snprintf(line, LINE_SIZE, BASE_FORM, notes->generation, notes->based);

	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			const struct nm_chain_note *v = &notes->v[f][i];

			n += snprintf(line + n, LINE_SIZE - (size_t)n, NOTE_FORM, v->table, v->chain, v->use,
				v->known);
		}
	n += snprintf(line + n, LINE_SIZE - (size_t)n, CONSTANT_FORM, notes->constant_generation,
		notes->constant[NM_IPV4], notes->constant[NM_IPV6]);
	n += snprintf(line + n, LINE_SIZE - (size_t)n, " %016" PRIx64 "\n", nm_hash(place, line, (size_t)n));
	return (size_t)n;
}

/* What is not what would be printed is damaged, or of another place. */
static bool parse(const char *line, uint64_t place, struct nm_chain_notes *ret)
{
	char printed[LINE_SIZE];
	int used = 0;

	if (sscanf(line, BASE_SCAN, &ret->generation, &ret->based, &used) != 2)
		return false;
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			struct nm_chain_note *v = &ret->v[f][i];
			int known, len;

			line += used;
			if (sscanf(line, NOTE_SCAN, &v->table, &v->chain, &v->use, &known, &len) != 4)
				return false;
			v->known = known;
			used = len;
		}
	line += used;
	if (sscanf(line, CONSTANT_SCAN, &ret->constant_generation, &ret->constant[NM_IPV4],
		    &ret->constant[NM_IPV6], &used) != 3)
		return false;
	line += used;
	(void)print(ret, place, printed);
	return !strcmp(strrchr(printed, ' '), line);
}

void nm_chain_notes_read(const struct nm_state *st, int socket, struct nm_chain_notes *ret)
{
	char line[LINE_SIZE], *end;
	uint64_t place;
	ssize_t n;

	*ret = (struct nm_chain_notes){.generation = 0};
	if (st->created || !find_place(st, socket, &place))
		return;
	n = pread(st->lockfd, line, sizeof(line) - 1, AT);
	end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	if (!end)
		return;
	end[1] = '\0';
	if (!parse(line, place, ret))
		*ret = (struct nm_chain_notes){.generation = 0};
}

void nm_chain_notes_write(const struct nm_state *st, int socket, const struct nm_chain_notes *notes)
{
	char line[LINE_SIZE];
	uint64_t place;
	size_t len;

	if (!find_place(st, socket, &place))
		return;
	len = print(notes, place, line);
	if (pwrite(st->lockfd, line, len, AT) != (ssize_t)len)
		nm_log_debug("writing '%s/lock' failed: withdraws look for rules in all chains", st->dir);
}

void nm_chain_notes_begin(struct nm_chain_notes_move *move, const struct nm_state *st, int socket)
{
	if (!move->has_begun)
		nm_chain_notes_read(st, socket, &move->notes);
	move->has_begun = true;
}

void nm_chain_notes_move(
	struct nm_chain_notes_move *move, const struct nm_chain_notes *notes, uint32_t before, uint32_t after)
{
	bool chains = notes->generation == before, constant = notes->constant_generation == before;

	if (!chains && !constant)
		return;
	move->notes = *notes;
	if (chains)
		move->notes.generation = after;
	if (constant)
		move->notes.constant_generation = after;
	move->has_moved = true;
}

/* A line of the state that cannot be read may be the record of rules that are there. */
void nm_chain_notes_finish(const struct nm_chain_notes_move *move, const struct nm_state *st, int socket)
{
	static const struct nm_chain_notes nothing;

	if (move->has_moved)
		nm_chain_notes_write(st, socket, nm_state_damaged(st) ? &nothing : &move->notes);
}
