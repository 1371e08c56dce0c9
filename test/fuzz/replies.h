/* A kernel whose answers are the input: messages, each as a byte for its type, one for flags and its request,
 * two for its length, and its bytes. */
#ifndef NM_FUZZ_REPLIES_H
#define NM_FUZZ_REPLIES_H

#include "../unit/kernel.h"
#include "fuzz.h"

/* The messages may have one of the n types, or be a refusal, the end of a dump, or bytes without a header
 * that is right; to one of the next REPLIES_REQUESTS requests, the dumps of which all end. */
enum { REPLIES_REQUESTS = 8 };

/* Opens *ret, and queues the input's messages. False: no more sockets. For kernel_close(). */
bool replies_open(struct kernel *ret, const uint16_t *types, size_t n, const uint8_t *data, size_t size);

#endif
