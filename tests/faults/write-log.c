/*
 * Preloaded into a writer: notes what it asks of the disk under one folder, in order, with what it says on its standard
 * output. Takes FLEETWATT_LOG (the file to write) and FLEETWATT_FOLDER (whose files are noted). With FLEETWATT_SYNC_FAILS=n,
 * each n-th sync after the writer's first word answers EIO; else it changes nothing.
 *
 *   per entry  u8 kind, i32 file, i64 offset, u32 size (little-endian), then size bytes
 *   kinds      O opened (path), W written (bytes), T cut to `offset`, S synced, F a sync that
 *              failed, U unlinked (path), R renamed (path NUL path), C closed, A said on standard output (bytes)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MOST 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int log_file = -1;
static const char *folder;
static char is_ours[FILES_MOST];
static long sync_fails, syncs;
static int has_spoken;

__attribute__((constructor)) static void begin(void) {
	const char *path = getenv("FLEETWATT_LOG");
	folder = getenv("FLEETWATT_FOLDER");
	const char *fails = getenv("FLEETWATT_SYNC_FAILS");
	sync_fails = fails ? atol(fails) : 0;
	if (path && folder) log_file = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_inside(const char *path) {
	return log_file >= 0 && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_noted(int file) {
	return log_file >= 0 && file >= 0 && file < FILES_MOST && is_ours[file];
}

static void note(uint8_t kind, int32_t file, int64_t offset, const void *bytes, uint32_t size) {
	uint8_t head[17];
	head[0] = kind;
	memcpy(head + 1, &file, 4);
	memcpy(head + 5, &offset, 8);
	memcpy(head + 13, &size, 4);
	struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, size}};
	if (REAL(writev)(log_file, parts, 2) < 0) abort();
}

static int opened(int file, const char *path) {
	if (file >= 0 && file < FILES_MOST && is_inside(path)) {
		is_ours[file] = 1;
		note('O', file, 0, path, strlen(path));
	}
	return file;
}

#define OPEN(name)                                                             \
	int name(const char *path, int flags, ...) {                                \
		va_list more;                                                             \
		va_start(more, flags);                                                    \
		mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;   \
		va_end(more);                                                             \
		pthread_mutex_lock(&lock);                                                \
		int file = opened(REAL(name)(path, flags, mode), path);                   \
		pthread_mutex_unlock(&lock);                                              \
		return file;                                                              \
	}
OPEN(open)
OPEN(open64)

#define PWRITE(name, place)                                                    \
	ssize_t name(int file, const void *bytes, size_t size, place offset) {      \
		pthread_mutex_lock(&lock);                                                \
		ssize_t done = REAL(name)(file, bytes, size, offset);                     \
		if (done > 0 && is_noted(file)) note('W', file, offset, bytes, done);     \
		pthread_mutex_unlock(&lock);                                              \
		return done;                                                              \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int file, const void *bytes, size_t size) {
	pthread_mutex_lock(&lock);
	off_t offset = is_noted(file) ? lseek(file, 0, SEEK_CUR) : 0;
	ssize_t done = REAL(write)(file, bytes, size);
	if (done > 0 && is_noted(file)) note('W', file, offset, bytes, done);
	if (done > 0 && file == 1 && log_file >= 0) {
		note('A', file, 0, bytes, done);
		has_spoken = 1;
	}
	pthread_mutex_unlock(&lock);
	return done;
}

#define TRUNCATE(name, place)                                                  \
	int name(int file, place size) {                                            \
		pthread_mutex_lock(&lock);                                                \
		int done = REAL(name)(file, size);                                        \
		if (done == 0 && is_noted(file)) note('T', file, size, "", 0);            \
		pthread_mutex_unlock(&lock);                                              \
		return done;                                                              \
	}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

static int is_to_fail(int file) {
	return sync_fails > 0 && has_spoken && is_noted(file) && ++syncs % sync_fails == 0;
}

#define SYNC(name)                                                             \
	int name(int file) {                                                        \
		pthread_mutex_lock(&lock);                                                \
		int fails = is_to_fail(file);                                             \
		int done = fails ? -1 : REAL(name)(file);                                 \
		if (is_noted(file)) note(done == 0 ? 'S' : 'F', file, 0, "", 0);          \
		pthread_mutex_unlock(&lock);                                              \
		if (fails) errno = EIO;                                                   \
		return done;                                                              \
	}
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
	pthread_mutex_lock(&lock);
	int done = REAL(unlink)(path);
	if (done == 0 && is_inside(path)) note('U', -1, 0, path, strlen(path));
	pthread_mutex_unlock(&lock);
	return done;
}

int rename(const char *from, const char *to) {
	pthread_mutex_lock(&lock);
	int done = REAL(rename)(from, to);
	if (done == 0 && is_inside(to)) {
		char both[8192];
		size_t first = strlen(from) + 1, second = strlen(to);
		if (first + second > sizeof both) abort();
		memcpy(both, from, first);
		memcpy(both + first, to, second);
		note('R', -1, 0, both, first + second);
	}
	pthread_mutex_unlock(&lock);
	return done;
}

int close(int file) {
	pthread_mutex_lock(&lock);
	if (is_noted(file)) {
		note('C', file, 0, "", 0);
		is_ours[file] = 0;
	}
	int done = REAL(close)(file);
	pthread_mutex_unlock(&lock);
	return done;
}
