#include "steps.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { CONTAINERS_MAX = 8, WORDS_MAX = 24, TEXT_MAX = 2048, PATIENCE_MS = 30000, SUPERVISORS_MAX = 256 };

static struct container {
	char id[24];
	pid_t pid;
	int is_box;
	struct picture_ns ns;
} containers[CONTAINERS_MAX];
static size_t n_containers;

static const char *namespaces;
static char *argv_begin[6];
static int streams[3]; /* files in memory: what natmap reads, and what it writes */

/* What a supervisor, which is a process of its own, tells. */
static struct shared {
	int status;
	unsigned injected;
	struct trace trace;
} * shared;

void steps_init(const char *natmap, const char *config, const char *state_dir, const char *prefix)
{
	const char *const words[] = {natmap, "--config", config, "--state-dir", state_dir};

	for (size_t i = 0; i < 5; i++)
		argv_begin[i] = strdup(words[i]);
	namespaces = prefix;
	for (int i = 0; i < 3; i++)
		streams[i] = memfd_create("stream", MFD_CLOEXEC);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (streams[2] < 0 || shared == MAP_FAILED)
		error(2, errno, "memory");
}

const char *steps_state_dir(void)
{
	return argv_begin[4];
}

/* Containers */

static struct container *find(const char *id)
{
	for (size_t i = 0; i < n_containers; i++)
		if (!strcmp(containers[i].id, id))
			return &containers[i];
	return NULL;
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) || close(fd))
		error(2, errno, "%s", path);
}

static void enter_node(const char *node)
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s-%s", namespaces, node);
	enter(path);
}

/* Of the child: its process has the namespace when it writes a byte. */
static void be_container(const char *node, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(node, "box") != 0)
		enter_node(node);
	else if (unshare(CLONE_NEWNET))
		error(2, errno, "unshare");
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int socket_in(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	enter(path);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	enter_node("host");
	return fd;
}

static void start(const char *id, const char *node)
{
	struct container *c = &containers[n_containers];
	int ready[2];
	char byte;

	if (n_containers == CONTAINERS_MAX || find(id) || pipe2(ready, O_CLOEXEC))
		error(2, 0, "start %s", id);
	*c = (struct container){.is_box = !strcmp(node, "box"), .ns.rtnl = -1};
	snprintf(c->id, sizeof(c->id), "%s", id);
	snprintf(c->ns.name, sizeof(c->ns.name), "%s", id);
	c->pid = fork();
	if (!c->pid)
		be_container(node, ready[1]);
	close(ready[1]);
	if (c->pid < 0 || read(ready[0], &byte, 1) != 1)
		error(2, errno, "start %s", id);
	close(ready[0]);
	if (c->is_box)
		c->ns.rtnl = socket_in(c->pid);
	n_containers++;
}

static void stop(struct container *c)
{
	if (c->ns.rtnl >= 0)
		close(c->ns.rtnl);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	*c = containers[--n_containers];
}

static void stop_named(const char *id)
{
	for (size_t i = n_containers; i-- > 0;)
		if (!strcmp(id, containers[i].id) ||
			(!strcmp(id, "all") && strcmp("innocent", containers[i].id)))
			stop(&containers[i]);
}

void steps_picture(struct picture *ret)
{
	struct picture_ns others[CONTAINERS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < n_containers; i++)
		if (containers[i].is_box)
			others[n++] = containers[i].ns;
	picture_take(ret, others, n);
}

/* natmap */

/* The state of the container that a runtime would write. */
static void write_state(const char *id, const char *status, char *const annotations[])
{
	const struct container *c = find(id);
	char pid[32] = "", comma = ' ';

	if (c && strcmp(status, "stopped") != 0)
		snprintf(pid, sizeof(pid), "\"pid\":%d,", c->pid);
	dprintf(streams[0],
		"{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"%s\",%s\"bundle\":\"/bundle/%s\",", id,
		status, pid, id);
	dprintf(streams[0], "\"annotations\":{");
	for (; *annotations; annotations++, comma = ',') {
		int key_len = (int)strcspn(*annotations, "=");

		dprintf(streams[0], "%c\"io.natmap.%.*s\":\"%s\"", comma, key_len, *annotations,
			*annotations + key_len + 1);
	}
	dprintf(streams[0], "}}\n");
}

/* Makes natmap's command line of the words of a step, and writes what it will read. */
static void make_argv(char *words[], char *argv[])
{
	static char *ports[] = {"ports=8080:80", NULL}; /* of a container that has asked for some */
	static char hook[] = "hook", create[] = "createRuntime", end[] = "poststop", plan[] = "plan";
	int creates = !strcmp(words[0], "create"), ends = !strcmp(words[0], "end"),
	    plans = !strcmp(words[0], "plan");
	size_t n = 0;

	for (; argv_begin[n]; n++)
		argv[n] = argv_begin[n];
	if (words[1] && (creates || ends || plans)) {
		write_state(words[1], ends ? "stopped" : "creating", ends ? ports : &words[2]);
		argv[n++] = plans ? plan : hook;
		if (!plans)
			argv[n++] = ends ? end : create;
	} else {
		for (; *words; words++)
			argv[n++] = *words;
	}
	argv[n] = NULL;
}

static void redirect(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 3; i++)
		if (dup2(streams[i], i) < 0)
			_exit(126);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Waits until it has ended, or kills it. */
static int wait_for(pid_t pid)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int hangs = poll(&ended, 1, PATIENCE_MS) == 0, status;

	if (hangs)
		kill(pid, SIGKILL);
	close(ended.fd);
	if (waitpid(pid, &status, 0) != pid)
		error(2, errno, "waitpid");
	return hangs ? STEP_HANGS : status_of(status);
}

static int run(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		redirect();
		execv(argv[0], argv);
		_exit(127);
	}
	return wait_for(pid);
}

static void trace_call(void *ctx, const struct seccomp_notif *call)
{
	const pid_t *child = ctx;
	struct trace *trace = &shared->trace;

	if (trace->n == TRACED_MAX)
		error(2, 0, "more than %d calls", TRACED_MAX);
	trace->call[trace->n++] = (struct traced){call->data.nr, (pid_t)call->pid != *child};
}

/* Answers until nobody has the filter any more. Tells when the command itself has ended by closing told:
 * later calls count only for who waits for them. */
static void supervise(struct inject *in, char *const argv[], int told, int wait_child)
{
	enum { CALLS, ENDED };
	static pid_t child;
	struct pollfd ready[2] = {{.events = POLLIN}, {.events = POLLIN}};
	int status;

	in->ctx = &child;
	child = inject_start(in, argv, redirect, &ready[CALLS].fd);
	ready[ENDED].fd = (int)syscall(SYS_pidfd_open, child, 0);
	while (!(ready[CALLS].revents & POLLHUP) || told >= 0) {
		poll(ready, 2, -1);
		if (ready[CALLS].revents & POLLIN)
			inject_answer(in, ready[CALLS].fd);
		if (told >= 0 || wait_child)
			shared->injected = in->injected;
		if (ready[CALLS].revents & POLLHUP && told >= 0)
			ready[CALLS].fd = -1; /* it would be ready for ever */
		if (ready[ENDED].revents & POLLIN && told >= 0) {
			waitpid(child, &status, 0);
			shared->status = status_of(status);
			close(told);
			told = -1;
			if (ready[CALLS].fd < 0)
				break;
			ready[ENDED].fd = -1;
		}
	}
	_exit(0);
}

/* Those of earlier commands end when their last process has. */
static void reap(pid_t supervisor)
{
	static pid_t living[SUPERVISORS_MAX];
	static size_t n;

	for (size_t i = 0; i < n;)
		if (waitpid(living[i], NULL, n == SUPERVISORS_MAX ? 0 : WNOHANG))
			living[i] = living[--n];
		else
			i++;
	living[n++] = supervisor;
}

static int run_injected(char *const argv[], struct inject *in, int wait_child)
{
	int told[2], ended;
	pid_t supervisor = -1;

	shared->injected = 0;
	shared->status = STEP_HANGS;
	if (pipe2(told, O_CLOEXEC) || (supervisor = fork()) < 0)
		error(2, errno, "fork");
	if (!supervisor) {
		close(told[0]);
		supervise(in, argv, told[1], wait_child);
	}
	close(told[1]);
	ended = poll(&(struct pollfd){.fd = told[0], .events = POLLIN}, 1, PATIENCE_MS) > 0;
	close(told[0]);
	if (!ended)
		kill(supervisor, SIGKILL);
	if (wait_child || !ended)
		waitpid(supervisor, NULL, 0);
	else
		reap(supervisor);
	return shared->status;
}

static void empty_streams(void)
{
	for (int i = 0; i < 3; i++)
		if (ftruncate(streams[i], 0) || lseek(streams[i], 0, SEEK_SET))
			error(2, errno, "a stream");
}

static void read_stream(int i, char *ret, size_t size)
{
	ssize_t n = pread(streams[i], ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
}

static struct outcome run_natmap(char *words[], struct inject *in, int wait_child)
{
	struct outcome ret = {0};
	char *argv[WORDS_MAX + 8];

	empty_streams();
	make_argv(words, argv);
	lseek(streams[0], 0, SEEK_SET);
	ret.status = in ? run_injected(argv, in, wait_child) : run(argv);
	ret.injected = in ? shared->injected : 0;
	read_stream(1, ret.out, sizeof(ret.out));
	read_stream(2, ret.err, sizeof(ret.err));
	return ret;
}

static void forget(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/verified", steps_state_dir());
	if (unlink(path) && errno != ENOENT)
		error(2, errno, "%s", path);
}

struct outcome step_do(const char *step, struct inject *in, int wait_child)
{
	char text[TEXT_MAX], *words[WORDS_MAX + 1] = {0};
	size_t n = 0;

	if (!strncmp(step, "sh ", 3)) {
		if (system(step + 3))
			error(2, 0, "%s", step);
		return (struct outcome){0};
	}
	snprintf(text, sizeof(text), "%s", step);
	for (char *word = strtok(text, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
		words[n++] = word;
	if (n == 3 && !strcmp(words[0], "start"))
		start(words[1], words[2]);
	else if (n == 2 && !strcmp(words[0], "stop"))
		stop_named(words[1]);
	else if (n == 1 && !strcmp(words[0], "forget"))
		forget();
	else if (n > 0)
		return run_natmap(words, in, wait_child);
	return (struct outcome){0};
}

struct outcome step_trace(const char *step, struct trace *ret)
{
	struct inject in = {.nr = -1, .seen = trace_call};
	struct outcome outcome;

	shared->trace.n = 0;
	outcome = step_do(step, &in, 1);
	memcpy(ret, &shared->trace, sizeof(*ret));
	return outcome;
}
