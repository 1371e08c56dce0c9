/* The id is in a note (elf(5)) that is loaded with the program. */
#include "base/build_id.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/hash.h"

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static uint64_t find_in(const char *note, size_t size)
{
	static const char name[] = "GNU";
	ElfW(Nhdr) h;

	for (size_t at = 0; at + sizeof(h) <= size;
		at += sizeof(h) + padded(h.n_namesz) + padded(h.n_descsz)) {
		const char *words = note + at + sizeof(h);

		memcpy(&h, note + at, sizeof(h));
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == sizeof(name) &&
			!memcmp(words, name, sizeof(name)))
			return nm_hash(NM_HASH_BEGIN, words + padded(h.n_namesz), h.n_descsz);
	}
	return 0;
}

/* The first object is the program itself. */
static int on_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	uint64_t *id = ret;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum && !*id; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			*id = find_in((const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
				info->dlpi_phdr[i].p_memsz);
	return 1;
}

uint64_t nm_build_id(void)
{
	uint64_t id = 0;

	(void)dl_iterate_phdr(on_object, &id);
	return id;
}
