/*
 * enter [-s] [-t SECONDS] NAMESPACE COMMAND...: runs a command in a network namespace, which is a file. -s:
 * in a session of its own. -t: ends it with its process group when it takes longer, with the exit status 124.
 * enter -l NAMESPACE...: prints the ids of the processes in these.
 *
 * The tests do this some ten thousand times: it stands for setsid, timeout and nsenter, which take several
 * times as long.
 */
#include <dirent.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void end_child(int sig)
{
	(void)sig;
	kill(-child, SIGKILL);
	_exit(124);
}

static void start_clock(double seconds)
{
	struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};

	timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
	signal(SIGALRM, end_child);
	signal(SIGTERM, end_child);
	if (setitimer(ITIMER_REAL, &timer, NULL))
		error(125, errno, "setitimer");
}

/* Returns in the child; the parent ends with its status, or with that of a shell when a signal ended it. */
static void limit(double seconds)
{
	int status;

	child = fork();
	if (child < 0)
		error(125, errno, "fork");
	setpgid(child, 0);
	if (!child)
		return;
	start_clock(seconds);
	if (waitpid(child, &status, 0) != child)
		error(125, errno, "waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		error(125, errno, "%s", path);
	close(fd);
}

static int is_in(const char *pid, char *const namespaces[])
{
	struct stat of_process, of_namespace;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	if (stat(path, &of_process))
		return 0;
	for (; *namespaces; namespaces++)
		if (!stat(*namespaces, &of_namespace) && of_process.st_ino == of_namespace.st_ino)
			return 1;
	return 0;
}

static int list(char *const namespaces[])
{
	DIR *proc = opendir("/proc");

	if (!proc)
		error(125, errno, "/proc");
	for (struct dirent *entry; (entry = readdir(proc));)
		if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' && is_in(entry->d_name, namespaces))
			puts(entry->d_name);
	return closedir(proc);
}

int main(int argc, char *argv[])
{
	double seconds = 0;

	for (int option; (option = getopt(argc, argv, "+slt:")) != -1;) {
		if (option == 'l')
			return list(argv + optind);
		if (option == 's')
			setsid();
		else if (option == 't')
			seconds = strtod(optarg, NULL);
		else
			return 125;
	}
	if (argc - optind < 2)
		error(125, 0, "expected a namespace and a command");
	enter(argv[optind]);
	if (seconds > 0)
		limit(seconds);
	execvp(argv[optind + 1], argv + optind + 1);
	error(127, errno, "%s", argv[optind + 1]);
}
