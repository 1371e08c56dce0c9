/*
 * podman 5 reads root's own containers.conf, too, and takes an empty list for the default; podman 4 does
 * neither. A list goes instead of the one before, unless it has {append=true}, which then holds for those
 * that come, too.
 */
#include "input/hook_dirs.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/io.h"
#include "input/toml.h"

enum { CONF_MAX = 1024 * 1024 };

struct engine {
	const char *key, *suffix; /* of the files in a directory */
	const char *places[3]; /* files, and directories with a slash at their end, in the order they are read
				  in */
	const char *unsure;    /* a file that not all versions read */
};

static const struct engine engines[] = {
	[NM_HOOK_ENGINE_PODMAN] = {"engine.hooks_dir", ".conf",
		{"/usr/share/containers/containers.conf", "/etc/containers/containers.conf",
			"/etc/containers/containers.conf.d/"},
		"/root/.config/containers/containers.conf"},
	[NM_HOOK_ENGINE_CRIO] = {"crio.runtime.hooks_dir", "",
		{"/etc/crio/crio.conf", "/etc/crio/crio.conf.d/"}},
};

struct reading {
	const char *key;
	struct nm_hook_dirs *dirs;
	size_t kept;  /* those of the list before */
	bool appends; /* they stay */
	bool found;   /* the key */
	bool failed;  /* no memory */
};

static void drop(struct nm_hook_dirs *dirs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(dirs->v[i]);
	if (n > 0)
		memmove(dirs->v, dirs->v + n, (dirs->n - n) * sizeof(*dirs->v));
	dirs->n -= n;
}

static void add(struct reading *r, const char *dir)
{
	struct nm_err ignored;
	char *copy = strdup(dir);

	if (!copy || nm_grow(r->dirs, "hook directories", &ignored) < 0) {
		free(copy);
		r->failed = true;
		return;
	}
	r->dirs->v[r->dirs->n++] = copy;
}

static void on_value(void *ctx, const struct nm_toml_event *e)
{
	struct reading *r = ctx;

	if (!nm_toml_is(e, r->key))
		return;
	r->found = true;
	if (e->kind == NM_TOML_ASSIGNMENT)
		r->kept = r->dirs->n;
	else if (e->kind == NM_TOML_STRING)
		add(r, e->value);
	else if (strstr(e->value, "append"))
		r->appends = strstr(e->value, "true") != NULL;
}

/* What is not there, or cannot be read by root, says nothing. */
static void read_file(struct reading *r, const char *path)
{
	nm_autofree char *text = NULL;
	struct nm_err ignored;
	size_t len;

	r->found = false;
	if (nm_io_read_file(path, CONF_MAX, &text, &len, &ignored) < 0)
		return;
	if (!nm_toml_parse(text, on_value, r))
		r->dirs->is_sure = false;
	if (!r->found)
		return;
	if (r->dirs->n == r->kept)
		r->dirs->is_sure = false;
	if (!r->appends)
		drop(r->dirs, r->kept);
}

static void read_directory(struct reading *r, const char *dir, const char *suffix)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, NULL, alphasort);
	char path[PATH_MAX];

	for (int i = 0; i < n; i++) {
		size_t len = strlen(entries[i]->d_name), tail = strlen(suffix);

		(void)snprintf(path, sizeof(path), "%s%s", dir, entries[i]->d_name);
		if (len >= tail && !strcmp(entries[i]->d_name + len - tail, suffix))
			read_file(r, path);
		free(entries[i]);
	}
	free(entries);
}

int nm_hook_dirs_read(enum nm_hook_engine engine, struct nm_hook_dirs *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_hook_dirs_done) struct nm_hook_dirs dirs = {.is_sure = true};
	const struct engine *e = &engines[engine];
	struct reading r = {.key = e->key, .dirs = &dirs};

	add(&r, NM_HOOK_DIR);
	for (size_t i = 0; i < sizeof(e->places) / sizeof(*e->places) && e->places[i]; i++)
		if (e->places[i][strlen(e->places[i]) - 1] == '/')
			read_directory(&r, e->places[i], e->suffix);
		else
			read_file(&r, e->places[i]);
	if (e->unsure)
		read_file(&r, e->unsure);
	dirs.is_sure &= !(e->unsure && r.found);
	if (r.failed)
		return nm_fail_memory(err, "hook directories");
	*ret = nm_steal(&dirs);
	return 0;
}

void nm_hook_dirs_done(struct nm_hook_dirs *dirs)
{
	drop(dirs, dirs->n);
	free(nm_steal(&dirs->v));
	*dirs = (struct nm_hook_dirs){0};
}
