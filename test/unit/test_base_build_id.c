/* base/build_id.c: the note is found among others, wherever it is in the program. */
#include "base/build_id.h"

#ifndef NM_INSTRUMENTED /* whose runtimes ask the same function before main() */

#include <elf.h>
#include <link.h>

#include "base/hash.h"
#include "tap.h"

enum { WORDS_MAX = 16 };

/* A note: sizes of name and contents, type, name, contents, in words. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NAME 0x00554e47 /* "GNU" */
#else
#define NAME 0x474e5500
#endif
#define GNU(type, size) 4, size, type, NAME
#define WORD(letter)    (letter) * 0x01010101u

static const struct {
	const char *name;
	uint32_t first[WORDS_MAX], second[WORDS_MAX]; /* two segments of notes */
	size_t n_first, n_second;                     /* words */
	const char *id;                               /* NULL: none */
} rows[] = {
	{"no notes", {0}, {0}, 0, 0, NULL},
	{"alone", {GNU(NT_GNU_BUILD_ID, 4), WORD('a')}, {0}, 5, 0, "aaaa"},
	{"of two words", {GNU(NT_GNU_BUILD_ID, 8), WORD('a'), WORD('b')}, {0}, 6, 0, "aaaabbbb"},
	{"whose end is padded", {GNU(NT_GNU_BUILD_ID, 5), WORD('a'), WORD('b')}, {0}, 6, 0, "aaaab"},
	{"behind another", {GNU(NT_GNU_ABI_TAG, 5), WORD('a'), WORD('b'), GNU(NT_GNU_BUILD_ID, 4), WORD('c')},
		{0}, 11, 0, "cccc"},
	{"behind another whose name is padded",
		{2, 0, NT_GNU_BUILD_ID, 0x58, GNU(NT_GNU_BUILD_ID, 4), WORD('c')}, {0}, 9, 0, "cccc"},
	{"of another name", {4, 4, NT_GNU_BUILD_ID, NAME + 0x100, WORD('a')}, {0}, 5, 0, NULL},
	{"of another type", {GNU(NT_GNU_ABI_TAG, 4), WORD('a')}, {0}, 5, 0, NULL},
	{"in the second segment", {GNU(NT_GNU_ABI_TAG, 4), WORD('a')}, {GNU(NT_GNU_BUILD_ID, 4), WORD('b')},
		5, 5, "bbbb"},
	{"in both", {GNU(NT_GNU_BUILD_ID, 4), WORD('a')}, {GNU(NT_GNU_BUILD_ID, 4), WORD('b')}, 5, 5, "aaaa"},
	{"less than a note", {GNU(NT_GNU_BUILD_ID, 4), WORD('a')}, {0}, 2, 0, NULL},
};

static size_t current;
static unsigned calls;

static struct dl_phdr_info object(const ElfW(Phdr) * headers, uint16_t n)
{
	return (struct dl_phdr_info){.dlpi_phdr = headers, .dlpi_phnum = n};
}

/* The loader's function, of a program at address 0, and of another object behind it, which has an id; so has
 * what is behind the program's headers. */
int dl_iterate_phdr(int (*call)(struct dl_phdr_info *info, size_t size, void *data), void *data)
{
	const ElfW(Phdr) headers[] = {
		{.p_type = PT_NOTE,
			.p_vaddr = (uintptr_t)rows[current].first,
			.p_memsz = rows[current].n_first * sizeof(uint32_t)},
		{.p_type = PT_LOAD, .p_vaddr = (uintptr_t)rows[1].first, .p_memsz = sizeof(rows[1].first)},
		{.p_type = PT_NOTE,
			.p_vaddr = (uintptr_t)rows[current].second,
			.p_memsz = rows[current].n_second * sizeof(uint32_t)},
		{.p_type = PT_NOTE, .p_vaddr = (uintptr_t)rows[1].first, .p_memsz = sizeof(rows[1].first)},
	};
	struct dl_phdr_info program = object(headers, 3), other = object(headers + 3, 1);
	int rc = call(&program, sizeof(program), data);

	calls++;
	return rc ? rc : call(&other, sizeof(other), data);
}

int main(void)
{
	for (current = 0; current < sizeof(rows) / sizeof(*rows); current++) {
		const char *id = rows[current].id;

		tap_ok(nm_build_id() == (id ? nm_hash(NM_HASH_BEGIN, id, strlen(id)) : 0), "%s",
			rows[current].name);
	}
	tap_ok(calls == current, "the loader was asked");
	return tap_done();
}

#else

#include "tap.h"

int main(void)
{
	tap_ok(nm_build_id() == nm_build_id(), "the same each time");
	return tap_done();
}

#endif
