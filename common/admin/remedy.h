/* What helps on this host against a part of the kernel that is missing. */
#ifndef NM_ADMIN_REMEDY_H
#define NM_ADMIN_REMEDY_H

#include <stdbool.h>

#include "base/cleanup.h"

struct nm_remedies {
	char *modules;    /* owned: the text of /lib/modules/RELEASE/modules.dep; NULL: there is none */
	bool is_red_hat;  /* or of its kin: what iptables needs has a package of its own there */
	char release[64]; /* of the kernel */
};

/* Reads the files, which cannot fail: what is not there has no remedy. Owned by the caller. */
void nm_remedy_read(struct nm_remedies *ret);
void nm_remedy_done(struct nm_remedies *r);

#define NM_REMEDY_STRLEN 128
/* The shell command that brings the module, in buf; NULL: this host has none. */
const char *nm_remedy_find(
	const struct nm_remedies *r, const char *module, char buf[static NM_REMEDY_STRLEN]);

#endif
