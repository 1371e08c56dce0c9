/* Which build of natmap this is. */
#ifndef NM_BASE_BUILD_ID_H
#define NM_BASE_BUILD_ID_H

#include <stdint.h>

/* A hash of the id that the linker gave the program (ld(1), --build-id); 0: it has none. Another source or
 * another compiler makes another id. */
uint64_t nm_build_id(void);

#endif
