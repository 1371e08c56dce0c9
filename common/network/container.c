#include "network/container.h"

#include "host/process.h"

static int open_process(struct nm_container *c, bool settings, struct nm_err *err)
{
	bool alive;

	if (nm_netns_connect(c->pid, settings, &c->ns, err) < 0) {
		c->is_home = err->kind == NM_ERR_REFUSED;
		return -1;
	}
	if (nm_process_start(c->pid, &c->start, &alive, err) < 0)
		return -1;
	return alive ? 0 : nm_fail(err, NM_ERR_FAILED, "container process %d is gone", (int)c->pid);
}

void nm_container_open(pid_t pid, bool settings, struct nm_container *ret)
{
	*ret = (struct nm_container)NM_CONTAINER_INIT;
	ret->pid = pid;
	(void)open_process(ret, settings, &ret->fault);
}

int nm_container_read(struct nm_container *c, struct nm_err *err)
{
	if (c->fault.kind == NM_ERR_NONE)
		return nm_netns_read(&c->ns, c->pid, err);
	*err = c->fault;
	return -1;
}

void nm_container_done(struct nm_container *c)
{
	nm_netns_done(&c->ns);
}
