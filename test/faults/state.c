#include "state.h"

#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIVE "{\"live\":1,"

enum { ADDRESSES_MAX = 64, ID_MAX = 64 };

char *state_read(const char *dir)
{
	char path[256], *text;
	struct stat info;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/state", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info))
		info.st_size = 0;
	text = malloc((size_t)info.st_size + 1);
	if (!text || (info.st_size && (n = read(fd, text, (size_t)info.st_size)) < 0))
		error(2, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	return text;
}

/* The text after key in a live line, up to the next quote. */
static int member(const char *line, const char *end, const char *key, char ret[static ID_MAX])
{
	const char *at = memmem(line, (size_t)(end - line), key, strlen(key));

	if (!at || at >= end)
		return 0;
	at += strlen(key);
	snprintf(ret, ID_MAX, "%.*s", (int)strcspn(at, "\""), at);
	return 1;
}

/* The next live line that has its newline, NULL at the end. */
static const char *next_live(const char *line, const char **end)
{
	for (; (*end = strchr(line, '\n')); line = *end + 1)
		if (!strncmp(line, LIVE, strlen(LIVE)))
			return line;
	return NULL;
}

static int is_live(const char *text, const char *id, size_t len)
{
	const char *end;
	char found[ID_MAX];

	for (const char *line = text; (line = next_live(line, &end)); line = end + 1)
		if (member(line, end, "\"id\":\"", found) && strlen(found) == len && !strncmp(found, id, len))
			return 1;
	return 0;
}

int state_is_live(const char *text, const char *id)
{
	return is_live(text, id, strlen(id));
}

const char *state_uncovered(const char *text, const struct picture *picture)
{
	for (size_t i = 0; i < picture->n; i++) {
		const char *id = strstr(picture->line[i], " natmap:");

		if (!id || picture->line[i][0] == 'l') /* of a link, which may be one that is being deleted */
			continue;
		id += strlen(" natmap:");
		if (*id != '@' && strchr(id, ':') && !is_live(text, id, (size_t)(strchr(id, ':') - id)))
			return picture->line[i];
	}
	return NULL;
}

static struct owner {
	char id[ID_MAX], address[ID_MAX];
} owners[ADDRESSES_MAX];
static size_t n_owners;

/* Whether somebody else has it already. */
static int is_taken(const char *id, const char *address)
{
	for (size_t i = 0; i < n_owners; i++)
		if (!strcmp(owners[i].address, address) && strcmp(owners[i].id, id) != 0)
			return 1;
	if (n_owners < ADDRESSES_MAX) {
		snprintf(owners[n_owners].id, ID_MAX, "%s", id);
		snprintf(owners[n_owners++].address, ID_MAX, "%s", address);
	}
	return 0;
}

/* Those in a list, from its begin on: "..." , ... ] */
static const char *first_taken(const char *id, const char *list)
{
	static char address[ID_MAX];
	const char *end = strchr(list, ']');

	while (end && (list = strchr(list, '"')) && list < end) {
		snprintf(address, sizeof(address), "%.*s", (int)strcspn(list + 1, "\""), list + 1);
		if (is_taken(id, address))
			return address;
		list += strlen(address) + 2;
	}
	return NULL;
}

const char *state_address_twice(const char *text)
{
	static const char key[] = "\"network\":{";
	const char *end, *network, *list, *taken;
	char id[ID_MAX];

	n_owners = 0;
	for (const char *line = text; (line = next_live(line, &end)); line = end + 1) {
		network = memmem(line, (size_t)(end - line), key, strlen(key));
		list = network ? strstr(network, "\"addresses\":[") : NULL;
		if (list && list < end && member(line, end, "\"id\":\"", id) &&
			(taken = first_taken(id, list + strlen("\"addresses\":["))))
			return taken;
	}
	return NULL;
}

/* Each returns what follows the value, or NULL. */
static const char *skip_value(const char *at);

static const char *skip_string(const char *at)
{
	if (!at || *at++ != '"')
		return NULL;
	for (; *at && *at != '"'; at++)
		if ((unsigned char)*at < ' ' || (*at == '\\' && !*++at))
			return NULL;
	return *at ? at + 1 : NULL;
}

static const char *skip_member(const char *at)
{
	at = skip_string(at);
	return at && *at == ':' ? skip_value(at + 1) : NULL;
}

static const char *skip_list(const char *at, char end, const char *(*skip)(const char *))
{
	if (*++at == end)
		return at + 1;
	for (at = skip(at); at && *at == ','; at = skip(at + 1))
		;
	return at && *at == end ? at + 1 : NULL;
}

static const char *skip_word(const char *at, const char *word)
{
	return strncmp(at, word, strlen(word)) ? NULL : at + strlen(word);
}

static const char *skip_value(const char *at)
{
	size_t digits = strspn(at, "-0123456789");

	switch (*at) {
	case '{':
		return skip_list(at, '}', skip_member);
	case '[':
		return skip_list(at, ']', skip_value);
	case '"':
		return skip_string(at);
	case 't':
		return skip_word(at, "true");
	case 'f':
		return skip_word(at, "false");
	default:
		return digits ? at + digits : NULL;
	}
}

size_t state_bad_line(const char *text)
{
	const char *end;
	size_t n = 1;

	for (; (end = strchr(text, '\n')); text = end + 1, n++)
		if (*text != '{' || skip_value(text) != end)
			return n;
	return 0;
}
