/* A record: a published container as the state remembers it. */
#ifndef NM_STATE_RECORD_H
#define NM_STATE_RECORD_H

#include <net/if.h>
#include <sys/types.h>

#include "host/netns.h"
#include "model/backend.h"
#include "model/mapping.h"
#include "model/network.h"
#include "state/handles.h"

/* All that natmap needs to withdraw the container, to find conflicts and to write its rules again. Strings
 * are owned. */
struct nm_record {
	char *id;
	pid_t pid;               /* the container's process; 0: unknown, then it counts as alive */
	uint64_t start;          /* its start time: nm_process_start() */
	struct nm_nsid netns;    /* of the container; ino 0: unknown */
	char *bundle;            /* NULL: unknown */
	enum nm_backend backend; /* that has its mappings */
	unsigned families;       /* of its addresses: NM_IPV4_BIT, NM_IPV6_BIT */
	unsigned held; /* families whose address it has lost: its host ports stay taken, without rules */
	struct nm_prefix address[NM_FAMILY_MAX]; /* of families and held */
	char interface[IF_NAMESIZE];             /* its own that was asked for; "": none */
	bool fixed;                              /* its addresses were asked for: no other ones are taken */
	struct nm_prefixes networks;             /* further ones whose members it answers without the host */
	char localnet[IF_NAMESIZE]; /* interface whose route_localnet the mappings need; "": none */
	unsigned localnet_index;    /* its number, which it keeps when it is renamed; 0: unknown */
	bool localnet_set;          /* natmap switched it on */
	/* what a request has found, not recorded: the interface towards it, and the families in which all
	 * interfaces forward already */
	char via[NM_FAMILY_MAX][IF_NAMESIZE];
	unsigned forwarded;
	char bridge_port[IF_NAMESIZE]; /* port whose hairpin mode they need; "": none */
	unsigned bridge_port_index;    /* likewise */
	bool hairpin_set;              /* natmap switched it on */
	bool hairpin_stays; /* not recorded: it could not be switched off, so that the record stays, too */
	struct nm_attachment network; /* that natmap has made for it */
	bool restricted;              /* io.natmap.allow was given */
	struct nm_prefixes allow;
	struct nm_mappings mappings; /* none: natmap has made its network, and it has no ports */
	struct nm_handles handles;   /* of its rules in iptables' chains, not copied; none: it is not known */
	bool in_part;    /* read without handles, and with no more mappings than nm_record_forwards() needs */
	uint64_t offset; /* of its line in the state file */
	size_t size;     /* of that line, with its newline */
};

/* Copies a record. 0 with *ret for nm_record_done(), or -1 with *err (memory). */
int nm_record_copy(const struct nm_record *r, struct nm_record *ret, struct nm_err *err) NM_MUST_USE;

/* True when both are equal but for offset and size. */
bool nm_record_same(const struct nm_record *a, const struct nm_record *b);

void nm_record_done(struct nm_record *r);
#define nm_autorecord NM_CLEANUP(nm_record_done)

/* Moves these of its families to held, with the settings that only they needed. */
void nm_record_hold(struct nm_record *r, unsigned families);
/* The reverse, without settings: families that are held count as lost just now. */
void nm_record_unhold(struct nm_record *r);

/* True when one of its mappings is for this family alone. */
bool nm_record_names_family(const struct nm_record *r, enum nm_family family);

/* The families in which it has rules: of its ports, and of the network that natmap has made. */
static inline unsigned nm_record_families(const struct nm_record *r)
{
	return r->families | r->network.families;
}

/* The families in which packets must be forwarded to reach it, or from it: those of mappings that are not of
 * 127.0.0.0/8 or ::1 alone, and of the network that natmap has made for it. */
unsigned nm_record_forwards(const struct nm_record *r);

enum nm_record_process {
	NM_PROCESS_UNKNOWN, /* no pid is recorded, or no time to tell it from another one of this pid */
	NM_PROCESS_THERE,
	NM_PROCESS_GONE, /* there is none, another one has its pid, or it is a zombie */
};
int nm_record_process(const struct nm_record *r, enum nm_record_process *ret, struct nm_err *err) NM_MUST_USE;
/* Sets *ret to whether it is NM_PROCESS_GONE. */
int nm_record_gone(const struct nm_record *r, bool *ret, struct nm_err *err) NM_MUST_USE;

/* True when both containers are known to be in one network namespace. */
bool nm_record_same_netns(const struct nm_record *a, const struct nm_record *b);

#endif
