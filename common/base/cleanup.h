/* Release of resources at the end of a scope, and moves that hand them over. */
#ifndef NM_BASE_CLEANUP_H
#define NM_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define NM_CLEANUP(fn) __attribute__((cleanup(fn)))
#define NM_MUST_USE    __attribute__((warn_unused_result))

static inline void nm_cleanup_free(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void nm_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Frees a malloc()ed pointer, closes a file descriptor, at the end of the scope. */
#define nm_autofree  NM_CLEANUP(nm_cleanup_free)
#define nm_autoclose NM_CLEANUP(nm_cleanup_close)

/* Hands the value of *p, a pointer or a structure, over and leaves NULL or zeros (nm_steal_fd: -1) behind. */
#define nm_steal(p)                                 \
	__extension__({                             \
		__typeof__(*(p)) nm_stolen_ = *(p); \
		*(p) = (__typeof__(*(p))){0};       \
		nm_stolen_;                         \
	})

static inline int nm_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
