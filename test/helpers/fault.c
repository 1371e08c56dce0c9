/*
 * fault count OUT CALLS COMMAND...: runs a command and writes to OUT a line for each of these system calls:
 * its name and how often the command made it. CALLS are names with commas between. fault kill N CALL
 * COMMAND...: kills the command as it makes that call for the Nth time. fault ERROR N CALL COMMAND...: that
 * call is not made and fails with the error; N+: and all later ones.
 *
 * The exit status is the command's, or that of a shell when a signal ended it. strace can do all of this as
 * well, in several times as long, and the tests do it some thousand times. test/faults/ does it at every
 * call.
 */
#include <stdlib.h>

#include "inject.h"

static pid_t child;
static unsigned made[INJECT_WATCHED_MAX];

static void count(void *ctx, const struct seccomp_notif *call)
{
	const struct inject *in = ctx;

	for (unsigned i = 0; i < in->n_watched; i++)
		made[i] += (pid_t)call->pid == child && in->watched[i] == call->data.nr;
}

static unsigned watch(struct inject *in, char *names)
{
	for (char *name = strtok(names, ","); name && in->n_watched < INJECT_WATCHED_MAX - 1;
		name = strtok(NULL, ","))
		in->watched[in->n_watched++] = inject_call_named(name)->nr;
	in->watched[in->n_watched] = SYS_close; /* see inject_is_restarted() */
	return in->n_watched++;
}

static void write_counts(const char *path, const struct inject *in, unsigned n)
{
	FILE *out = fopen(path, "we");

	if (!out)
		error(2, errno, "%s", path);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s %u\n", inject_call_of(in->watched[i])->name, made[i]);
	if (fclose(out))
		error(2, errno, "%s", path);
}

int main(int argc, char *argv[])
{
	struct inject in = {.nr = -1};
	struct pollfd ready = {.events = POLLIN};
	int counts = argc > 1 && !strcmp(argv[1], "count"), status;
	unsigned n_counted;

	if (argc < 5)
		error(2, 0, "usage: see the source");
	n_counted = watch(&in, argv[3]);
	if (counts) {
		in.seen = count;
		in.ctx = &in;
	} else {
		in.nr = in.watched[0];
		in.first = (unsigned)atoi(argv[2]);
		inject_set_error(&in, argv[1], strlen(argv[1]));
		in.last = strchr(argv[2], '+') ? UINT32_MAX : in.first;
	}
	child = inject_start(&in, &argv[4], NULL, &ready.fd);
	while (poll(&ready, 1, -1) >= 0 && !(ready.revents & POLLHUP))
		inject_answer(&in, ready.fd); /* until nobody has the filter any more */
	if (waitpid(child, &status, 0) != child)
		error(2, errno, "waitpid");
	if (counts)
		write_counts(argv[2], &in, n_counted);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
