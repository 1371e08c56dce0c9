/* What a hook knows when it commits at the generation that the file names: nobody has changed a rule since,
 * so after its transaction the rules are right at the next one. */
#include "state/verified.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/build_id.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "state/file.h"
#include "state/record_json.h"

#define FILE_NAME "verified"
#define NEW_NAME  "verified.new"

enum { FILE_MAX = 16 << 20, LINE_SIZE = 160, HASH_DIGITS = 16 };

void nm_verified_done(struct nm_verified *v)
{
	nm_records_done(&v->stand_ins);
	*v = (struct nm_verified){0};
}

static uint64_t hash_text(const char *text, size_t len)
{
	return nm_hash(NM_HASH_BEGIN, text, len);
}

bool nm_verified_place(const struct nm_state *st, int socket, uint64_t *ret)
{
	const struct nm_state_header *h = &st->self;
	uint64_t ids[] = {nm_build_id(), 0, h->netns.dev, h->netns.ino, h->pidns.dev, h->pidns.ino};

	if (!ids[0] || !st->same_pidns || !nm_netns_cookie(socket, &ids[1]))
		return false;
	*ret = nm_hash(hash_text(h->boot, strlen(h->boot)), ids, sizeof(ids));
	return true;
}

static size_t print_head(const struct nm_verified_head *h, char buf[static LINE_SIZE])
{
	int n = snprintf(buf, LINE_SIZE,
		"natmap-verified 1 %010" PRIu32 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64
		" %u %d",
		h->generation, h->where, h->state, h->config, h->forwarding, h->backend, h->checked);

	n += snprintf(buf + n, LINE_SIZE - (size_t)n, " %016" PRIx64 "\n", hash_text(buf, (size_t)n));
	return (size_t)n;
}

/* It is damaged unless it is what would be printed. */
static bool parse_head(const char *text, struct nm_verified_head *ret)
{
	struct nm_verified_head h = {0};
	char printed[LINE_SIZE];
	unsigned backend;
	int checked;
	size_t len;

	if (sscanf(text,
		    "natmap-verified 1 %" SCNu32 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %u %d",
		    &h.generation, &h.where, &h.state, &h.config, &h.forwarding, &backend, &checked) != 7 ||
		backend >= NM_BACKEND_MAX)
		return false;
	h.backend = backend;
	h.checked = checked;
	len = print_head(&h, printed);
	if (strncmp(text, printed, len) != 0)
		return false;
	*ret = h;
	return true;
}

static int open_file(const struct nm_state *st, int flags)
{
	return openat(st->dirfd, FILE_NAME, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int on_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};

	if (!nm_record_json_is(line, len, NM_RECORD_LIVE) || nm_record_json_read(line, len, &r, err) < 0)
		return -1;
	r.offset = offset;
	r.size = len + 1;
	return nm_records_add(ctx, &r, err);
}

static bool read_stand_ins(const struct nm_state *st, const char *text, struct nm_records *ret)
{
	struct nm_err err;
	uint64_t offset, size;
	int used;

	for (; *text; text += used)
		if (sscanf(text, "%" SCNu64 " %" SCNu64 "\n%n", &offset, &size, &used) != 2 ||
			offset < st->begin || size == 0 || size > st->end || offset > st->end - size ||
			nm_state_file_each_line(st, offset, offset + size, on_line, ret, &err) < 0)
			return false;
	return true;
}

static bool parse_rest(const struct nm_state *st, const char *text, struct nm_verified *ret)
{
	uint64_t of, sum;
	const char *list = strchr(text, '\n');

	if (!list || list - text <= HASH_DIGITS ||
		sscanf(text, "%" SCNx64 " %" SCNx64 " %" SCNx64, &of, &ret->surroundings, &sum) != 3 ||
		of != ret->head.state)
		return false;
	return nm_hash(hash_text(text, (size_t)(list - text) - HASH_DIGITS), list, strlen(list)) == sum &&
		read_stand_ins(st, list + 1, &ret->stand_ins);
}

bool nm_verified_read(struct nm_state *st, int socket, uint64_t config, struct nm_verified *ret)
{
	nm_autoclose int fd = open_file(st, O_RDONLY);
	nm_autofree char *text = NULL;
	const uint64_t before = ret->has_stand_ins ? ret->head.state : 0;
	struct nm_err err;
	uint64_t where;
	size_t len;

	if (fd < 0 || !nm_verified_place(st, socket, &where) ||
		nm_io_read_all(fd, FILE_MAX, FILE_NAME, &text, &len, &err) < 0 || strlen(text) != len ||
		!parse_head(text, &ret->head))
		return false;
	if (ret->head.where != where || ret->head.state != st->opened || !st->opened ||
		ret->head.config != config)
		return false;
	if (before && before == st->opened) /* one state has the same ones */
		return true;
	nm_records_done(&ret->stand_ins);
	ret->has_stand_ins = parse_rest(st, strchr(text, '\n') + 1, ret);
	return true;
}

static void print_rest(const struct nm_verified *v, char **text, size_t *len)
{
	FILE *list = open_memstream(text, len);
	char line[LINE_SIZE];
	uint64_t sum;
	int n;

	if (!list)
		return;
	n = snprintf(line, sizeof(line), "%016" PRIx64 " %016" PRIx64 " ", v->head.state, v->surroundings);
	fprintf(list, "%s%016d\n", line, 0);
	for (size_t i = 0; i < v->stand_ins.n; i++)
		fprintf(list, "%" PRIu64 " %zu\n", v->stand_ins.v[i].offset, v->stand_ins.v[i].size);
	if (fclose(list) != 0)
		return;
	sum = nm_hash(hash_text(*text, (size_t)n), *text + n + HASH_DIGITS, *len - (size_t)n - HASH_DIGITS);
	(void)snprintf(line, sizeof(line), "%016" PRIx64, sum);
	memcpy(*text + n, line, HASH_DIGITS);
}

void nm_verified_write(struct nm_state *st, int socket, struct nm_verified *v)
{
	nm_autoclose int fd = -1;
	nm_autofree char *rest = NULL;
	char head[LINE_SIZE];
	size_t len = 0;

	v->head.state = nm_state_identity(st);
	if (!v->head.state || !nm_verified_place(st, socket, &v->head.where))
		return;
	if (v->has_stand_ins && !st->replaced)
		print_rest(v, &rest, &len);
	fd = openat(st->dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || nm_io_write_all(fd, head, print_head(&v->head, head)) < 0 ||
		(rest && nm_io_write_all(fd, rest, len) < 0) ||
		renameat(st->dirfd, NEW_NAME, st->dirfd, FILE_NAME) < 0)
		nm_log_debug("writing '%s/" FILE_NAME "' failed: the next reload reads all rules", st->dir);
}

/* Whether the file speaks of the rules and the state before the change. */
static bool begin(struct nm_verified_move *move, struct nm_state *st, int socket)
{
	nm_autoclose int fd = open_file(st, O_RDWR);
	char line[LINE_SIZE];
	uint64_t where;
	ssize_t n = fd < 0 ? -1 : nm_io_read(fd, line, sizeof(line) - 1);

	if (n < 0 || !st->opened)
		return false;
	line[n] = '\0';
	if (!parse_head(line, &move->head) || move->head.state != st->opened ||
		!nm_verified_place(st, socket, &where) || move->head.where != where)
		return false;
	move->fd = nm_steal_fd(&fd);
	return true;
}

void nm_verified_step(struct nm_verified_move *move, struct nm_state *st, int socket, const uint64_t *config,
	const struct nm_verified_step *step)
{
	struct nm_verified_head *h = &move->head;

	if (!move->tried)
		move->holds = begin(move, st, socket);
	move->tried = true;
	if (!move->holds)
		return;
	if (h->generation != step->generation || h->forwarding != step->forwarding ||
		(config && h->config != *config)) {
		nm_verified_break(move);
		return;
	}
	h->generation = step->next;
	h->forwarding = step->next_forwarding;
	h->checked = false;
}

void nm_verified_break(struct nm_verified_move *move)
{
	if (move->holds)
		nm_cleanup_close(&move->fd);
	*move = (struct nm_verified_move){.tried = true};
}

void nm_verified_finish(struct nm_verified_move *move, const struct nm_state *st)
{
	char line[LINE_SIZE];
	size_t len;

	if (move->holds && (move->head.state = nm_state_identity(st)) != 0) {
		len = print_head(&move->head, line);
		if (pwrite(move->fd, line, len, 0) != (ssize_t)len)
			nm_log_debug("writing '%s/" FILE_NAME "' failed: the next reload reads all rules",
				st->dir);
	}
	nm_verified_break(move);
}
