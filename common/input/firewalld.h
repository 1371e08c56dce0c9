/* What firewalld is configured to do to published ports. */
#ifndef NM_INPUT_FIREWALLD_H
#define NM_INPUT_FIREWALLD_H

#include <stdbool.h>

#define NM_FIREWALLD_CONF "/etc/firewalld/firewalld.conf"

/* True when the last line "StrictForwardPorts = ..." of firewalld.conf(5) says yes: then it drops packets
 * that others have translated. */
bool nm_firewalld_is_strict(void);

/* The shell command that switches it off. */
#define NM_FIREWALLD_REMEDY                                                                            \
	"sed -i "                                                                                      \
	"'s/^[[:space:]]*StrictForwardPorts[[:space:]]*=.*/StrictForwardPorts=no/' " NM_FIREWALLD_CONF \
	" && firewall-cmd --reload"

#endif
