/* A runtime starts a container without its ports and without a word when its hook file is not found, or names
 * a program that is not there. */
#include "admin/examine_runtimes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "input/containerd.h"
#include "input/hook_dirs.h"
#include "input/hook_file.h"

static const struct engine {
	enum nm_hook_engine dirs;
	const char *name, *program;
	const char *blind; /* what it does when the hook's program is not there */
} engines[] = {
	{NM_HOOK_ENGINE_PODMAN, "podman", "podman", "its containers start without their ports"},
	{NM_HOOK_ENGINE_CRIO, "CRI-O", "crio", "its containers start without their ports"},
};

/* Where people put hook files. */
static const char *const known_dirs[] = {
	NM_HOOK_DIR, "/etc/containers/oci/hooks.d", "/usr/local/share/containers/oci/hooks.d"};

static bool is_installed(const char *program)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"};
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

/* Without a character that means something to the shell or to sed. */
static bool is_plain(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+-";

	return path[strspn(path, plain)] == '\0';
}

/* The command that puts this natmap into the file, in the place of another one. */
static void tell_replacement(struct nm_examination *x, const char *file, const char *program)
{
	char self[PATH_MAX];
	ssize_t n = readlinkat(AT_FDCWD, "/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (n > 0 && is_plain(self) && is_plain(program) && is_plain(file))
		nm_examination_tell(x, NM_COMMAND, "sed -i 's|%s|%s|g' %s", program, self, file);
}

/* blind: what happens to containers. */
static void examine_program(
	struct nm_examination *x, const char *name, const char *blind, const char *path, const char *program)
{
	struct stat st;
	bool there = stat(program, &st) == 0;

	if (there && S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR))
		return;
	nm_examination_tell(x, NM_FINDING, "%s: '%s' names '%s', which %s: %s", name, path, program,
		there ? "cannot be executed" : "is not there", there ? "its containers do not start" : blind);
	tell_replacement(x, path, program);
}

static bool is_json(const char *name)
{
	size_t len = strlen(name), tail = strlen(".json");

	return len > tail && !strcmp(name + len - tail, ".json");
}

/* A later directory's file of the same name goes before. */
static bool is_hidden(const struct nm_hook_dirs *dirs, size_t at, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = at + 1; i < dirs->n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dirs->v[i], name);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

/* What is looked at: an engine's files, in a directory that it reads, or one that it does not. */
struct look {
	struct nm_examination *x;
	const struct engine *engine;
	const struct nm_hook_dirs *dirs;
	size_t at; /* in dirs: dir is there */
	const char *dir;
	char path[PATH_MAX]; /* the last hook file of natmap's */
};

typedef bool on_hook_file(struct look *look, const char *path, const char *name);

/* Calls handler for all hook files of look->dir. Returns whether one is natmap's. */
static bool each_hook_file(struct look *look, on_hook_file *handler)
{
	DIR *dir = opendir(look->dir);
	const struct dirent *entry;
	char path[PATH_MAX];
	bool found = false;

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "%s/%s", look->dir, entry->d_name);
		if (!is_json(entry->d_name) || !handler(look, path, entry->d_name))
			continue;
		memcpy(look->path, path, sizeof(path));
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool examine_file(struct look *look, const char *path, const char *name)
{
	NM_CLEANUP(nm_hook_file_done) struct nm_hook_file file = {0};
	const struct engine *e = look->engine;
	struct nm_err err;

	if (is_hidden(look->dirs, look->at, name))
		return false;
	if (nm_hook_file_read(path, &file, &err) < 0) {
		if (strstr(name, "natmap"))
			nm_examination_tell(look->x, NM_FINDING, "%s: %s", e->name, err.msg);
		return strstr(name, "natmap") != NULL;
	}
	if (file.is_ours && file.program)
		examine_program(look->x, e->name, e->blind, path, file.program);
	return file.is_ours;
}

static bool is_ours(struct look *look, const char *path, const char *name)
{
	NM_CLEANUP(nm_hook_file_done) struct nm_hook_file file = {0};
	struct nm_err ignored;

	(void)look;
	(void)name;
	return nm_hook_file_read(path, &file, &ignored) == 0 && file.is_ours;
}

static bool is_read(const struct nm_hook_dirs *dirs, const char *dir)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (!strcmp(dirs->v[i], dir))
			return true;
	return false;
}

/* The engine reads no hook of natmap's. */
static void tell_none(struct look *look)
{
	const struct nm_hook_dirs *dirs = look->dirs;
	char word[2][NM_TEXT_WORD_SIZE];

	for (size_t i = 0; i < sizeof(known_dirs) / sizeof(*known_dirs); i++) {
		look->dir = known_dirs[i];
		if (is_read(dirs, known_dirs[i]) || !each_hook_file(look, is_ours))
			continue;
		nm_examination_tell(look->x, NM_FINDING, "%s does not read '%s': %s", look->engine->name,
			look->path, look->engine->blind);
		if (dirs->n > 0)
			nm_examination_tell(look->x, NM_COMMAND, "install -D -m 644 -t %s %s",
				nm_text_word(dirs->v[dirs->n - 1], word[0]),
				nm_text_word(look->path, word[1]));
		return;
	}
	nm_examination_tell(look->x, NM_NOTE,
		"%s may publish nothing: none of its hook files names natmap, see natmap-runtimes(7)",
		look->engine->name);
}

static int examine_engine(struct nm_examination *x, const struct engine *e, struct nm_err *err)
{
	NM_CLEANUP(nm_hook_dirs_done) struct nm_hook_dirs dirs = {0};
	struct look look = {.x = x, .engine = e, .dirs = &dirs};
	bool found = false;

	if (!is_installed(e->program))
		return 0;
	if (nm_hook_dirs_read(e->dirs, &dirs, err) < 0)
		return -1;
	for (; look.at < dirs.n; look.at++) {
		look.dir = dirs.v[look.at];
		found |= each_hook_file(&look, examine_file);
	}
	if (!found && dirs.is_sure)
		tell_none(&look);
	return 0;
}

/* The base specification of containerd names natmap. */
static void examine_base(struct nm_examination *x, const struct nm_containerd *c, const char *program)
{
	examine_program(x, "containerd", "no container of a pod starts", c->base_spec, program);
	if (c->is_sure && !c->passes_annotations)
		nm_examination_tell(x, NM_FINDING,
			"containerd keeps a pod's " NM_CONTAINERD_ANNOTATION
			" from its containers: pod_annotations in '" NM_CONTAINERD_CONF
			"' has no \"io.natmap.*\"");
}

static void examine_containerd(struct nm_examination *x)
{
	NM_CLEANUP(nm_hook_file_done) struct nm_hook_file base = {0};
	NM_CLEANUP(nm_containerd_done) struct nm_containerd c;
	struct nm_err err;

	nm_containerd_read(&c);
	if (!c.has_pods)
		return;
	if (c.base_spec && nm_hook_file_read(c.base_spec, &base, &err) < 0)
		nm_examination_tell(x, NM_FINDING, "containerd: %s", err.msg);
	else if (base.is_ours && base.program)
		examine_base(x, &c, base.program);
	else if (c.is_sure && c.has_network)
		nm_examination_tell(x, NM_NOTE,
			"containerd may publish nothing of pods: no base_runtime_spec in '" NM_CONTAINERD_CONF
			"' names natmap, see natmap-runtimes(7)");
}

int nm_examine_runtimes(struct nm_examination *x, struct nm_err *err)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (examine_engine(x, &engines[i], err) < 0)
			return -1;
	if (is_installed("containerd"))
		examine_containerd(x);
	return 0;
}
