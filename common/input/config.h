/* /etc/natmap/natmap.json: natmap.json(5). */
#ifndef NM_INPUT_CONFIG_H
#define NM_INPUT_CONFIG_H

#include "base/port.h"
#include "base/prefix.h"
#include "input/source.h"
#include "model/backend.h"
#include "model/network.h"
#include "model/publication.h"
#include "model/static_nat.h"

#define NM_CONFIG_MAX     (4u << 20) /* bytes */
#define NM_CONFIG_VERSION 1          /* "version" of the file, if it has one */

enum nm_forward { NM_FORWARD_INTERFACES, NM_FORWARD_SET, NM_FORWARD_CHECK };
enum nm_conflict_check { NM_CONFLICT_OFF, NM_CONFLICT_WARN, NM_CONFLICT_FAIL };
enum nm_listener_check { NM_LISTENER_OFF, NM_LISTENER_WARN, NM_LISTENER_FAIL, NM_LISTENER_EXACT };

struct nm_policy {
	struct nm_port_set host_ports;     /* host_ports of the file without its reserved_ports */
	struct nm_prefixes host_addresses; /* none: no restriction */
	struct nm_prefixes address;        /* of containers, wherever these are */
	unsigned max_ports;                /* in one container */
	bool network;                      /* io.natmap.network is allowed */
};

struct nm_config {
	enum nm_backend backend; /* NM_BACKEND_AUTO: nm_backend_choose() settles it */
	struct nm_layout_options layout;
	enum nm_forward forward[NM_FAMILY_MAX];
	enum nm_listener_check listener_check;
	enum nm_conflict_check conflict_check;
	uint16_t dynamic_first, dynamic_last;
	unsigned lock_timeout_ms;
	struct nm_sources sources; /* of annotations with ports */
	struct nm_network network;
	struct nm_policy policy;
	struct nm_static_nats statics;
	uint64_t fingerprint; /* a hash of the file's bytes; 0: there is no file */
	struct nm_err
		statics_err; /* what is wrong in "static", with the file's name: then statics is empty */
};

/* Sets every member to its default. */
void nm_config_init(struct nm_config *c);
void nm_config_done(struct nm_config *c); /* accepts zeros */
#define nm_autoconfig NM_CLEANUP(nm_config_done)

/*
 * Reads text into a *c that nm_config_init() prepared; name stands for the file in messages. What it leaves
 * out has its default. NM_ERR_CONFIG naming file, path in the document and what was expected: unknown or
 * repeated key, wrong type, value out of range, newer version. A mistake in "static" is no failure, but kept
 * in statics_err.
 */
int nm_config_parse(
	struct nm_config *c, const char *text, size_t len, const char *name, struct nm_err *err) NM_MUST_USE;

/* -1 with a copy of statics_err when there is one, else 0: for whoever puts static rules in place. */
int nm_config_require_statics(const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

#endif
