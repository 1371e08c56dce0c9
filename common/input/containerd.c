/* Nearly all nodes have one runtime, and one base specification. Where there are several, that of one is
 * looked at. */
#include "input/containerd.h"

#include <dirent.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "input/toml.h"

enum { CONF_MAX = 1024 * 1024 };

/* It adds hooks by NRI. */
#define HOOK_INJECTOR "/opt/nri/plugins/10-hook-injector"
/* Of a container itself; where sources has "kubelet", it may be all that is wanted. */
#define KUBELET_ANNOTATION "io.kubernetes.container.ports"
/* Where it looks for networks unless conf_dir says otherwise. */
#define NETWORKS "/etc/cni/net.d"

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Another program in the place of runc may be one that adds hooks. */
static bool is_runtime(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	return !strcmp(name, "runc") || !strcmp(name, "crun");
}

static bool has_files(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

static void on_value(void *ctx, const struct nm_toml_event *e)
{
	struct nm_containerd *c = ctx;

	if (e->kind != NM_TOML_STRING || !*e->value)
		return;
	if (!strcmp(e->key, "imports") || (!strcmp(e->key, "BinaryName") && !is_runtime(e->value)))
		c->is_sure = false;
	if (!strcmp(e->key, "disabled_plugins"))
		c->has_pods &= !strstr(e->value, "cri");
	if (!strcmp(e->key, "conf_dir"))
		c->has_network = has_files(e->value);
	if (!strcmp(e->key, "pod_annotations"))
		c->passes_annotations |= !fnmatch(e->value, NM_CONTAINERD_ANNOTATION, FNM_PATHNAME);
	if (!strcmp(e->key, "container_annotations"))
		c->passes_annotations |= !fnmatch(e->value, KUBELET_ANNOTATION, FNM_PATHNAME);
	if (!strcmp(e->key, "base_runtime_spec")) {
		free(c->base_spec);
		c->base_spec = strdup(e->value);
	}
}

void nm_containerd_read(struct nm_containerd *ret)
{
	nm_autofree char *text = NULL;
	struct nm_err ignored;
	size_t len;

	*ret = (struct nm_containerd){.has_network = has_files(NETWORKS), .has_pods = true};
	ret->is_sure = !is_there(HOOK_INJECTOR);
	if (!is_there(NM_CONTAINERD_CONF))
		return;
	if (nm_io_read_file(NM_CONTAINERD_CONF, CONF_MAX, &text, &len, &ignored) < 0 ||
		!nm_toml_parse(text, on_value, ret))
		ret->is_sure = false;
}

void nm_containerd_done(struct nm_containerd *c)
{
	free(nm_steal(&c->base_spec));
}
