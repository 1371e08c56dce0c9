/* The doctor's examination of the host's settings: forwarding; route_localnet and hairpin mode for each
 * record; rp_filter. */
#ifndef NM_ADMIN_EXAMINE_SETTINGS_H
#define NM_ADMIN_EXAMINE_SETTINGS_H

#include "admin/examination.h"

/* Tell what they find. -1 with *err when they could not examine it. */
int nm_examine_settings_forwarding(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;
int nm_examine_settings_records(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;
int nm_examine_settings_reverse_path(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;

#endif
