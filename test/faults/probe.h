/* What the prober writes into its file, and the driver reads there. */
#ifndef FAULTS_PROBE_H
#define FAULTS_PROBE_H

#include <stdatomic.h>

struct probe {
	atomic_uint asked, missed; /* new flows, of udp and tcp, of both families */
	atomic_uint lines, broken; /* sent through the flow that stays open, and those that were lost */
	atomic_uint go;            /* the driver's: 0 when a command will take the port away */
	atomic_uint paused;        /* it asks nothing now */
};

#endif
