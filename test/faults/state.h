/* What the state file says, by a reader of its own. */
#ifndef FAULTS_STATE_H
#define FAULTS_STATE_H

#include "picture.h"

/* The file, "" without one. Owned by the caller. */
char *state_read(const char *dir);

/* Whether the container has a live record. */
int state_is_live(const char *text, const char *id);

/* What of the picture no live record covers: a rule or element of a container; NULL: all is covered. */
const char *state_uncovered(const char *text, const struct picture *picture);

/* An address of a network that two live containers have; NULL: none. */
const char *state_address_twice(const char *text);

/* The number of the first line that is no JSON as natmap writes it, without blanks; 0: all are. A last line
 * without its newline does not count. */
size_t state_bad_line(const char *text);

#endif
