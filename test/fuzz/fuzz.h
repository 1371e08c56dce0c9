/* What the targets share. Each is a program of libFuzzer: `make fuzz`. */
#ifndef NM_FUZZ_FUZZ_H
#define NM_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#define fuzz_require(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
