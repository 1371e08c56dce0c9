/* The settings that published ports need, and the networks that natmap has made, for check. */
#ifndef NM_ADMIN_CHECK_SETTINGS_H
#define NM_ADMIN_CHECK_SETTINGS_H

#include "admin/differences.h"
#include "inventory/inventory.h"

/* Adds what is not as the live containers of the inventory need it, or their stand-ins, with what
 * nm_networks_find() has found of them, and interfaces that no recorded container has. -1 with *err. */
int nm_check_settings(
	const struct nm_inventory *s, struct nm_differences *found, struct nm_err *err) NM_MUST_USE;

#endif
