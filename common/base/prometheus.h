/* Prometheus' text exposition format, version 0.0.4. Pure. */
#ifndef NM_BASE_PROMETHEUS_H
#define NM_BASE_PROMETHEUS_H

#include <stdio.h>

/* The end of a list of labels has name NULL. */
struct nm_prometheus_label {
	const char *name, *value; /* value: any text; what is no UTF-8 becomes '?' */
};

/* Begins a metric of this type, "counter" or "gauge". help: one line without backslash. Its samples follow.
 */
void nm_prometheus_begin(FILE *out, const char *name, const char *type, const char *help);

/* labels NULL: none. */
void nm_prometheus_sample(
	FILE *out, const char *name, const struct nm_prometheus_label *labels, double value);

#endif
