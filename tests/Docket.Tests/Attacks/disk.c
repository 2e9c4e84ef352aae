// Stands between a process and its disk (LD_PRELOAD): records what it writes and syncs below DISK_FOLDER in the file
// DISK_LOG, in the order in which it happened, and makes calls fail as the first bytes of the file DISK_FAULTS say.
// Disk.cs reads the one and writes the other.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { START, OPEN, WRITE, SYNC_BEGIN, SYNC_END, TRUNCATE, UNLINK, RENAME, READ };

#define FILES 65536

struct entry { uint32_t kind, file; uint64_t offset, length; };

// Calls of these kinds (a bit each) fail with this error, after so many that don't, and so many times.
struct faults { int32_t kinds, error, after, times; int32_t pulled; };

static struct faults *faults;
static int log_fd = -1;
static char folder[4096];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static uint32_t files[FILES];  // the number of the open below DISK_FOLDER that gave a descriptor; 0 for all others
static uint32_t opened;

#define REAL(name) ((__typeof__(&name))real(#name, &real_##name))
#define HAVE(name) static void *real_##name;
HAVE(open) HAVE(open64) HAVE(openat) HAVE(close) HAVE(write) HAVE(pwrite) HAVE(pwrite64) HAVE(writev) HAVE(pwritev)
HAVE(read) HAVE(pread) HAVE(pread64) HAVE(fsync) HAVE(fdatasync) HAVE(ftruncate) HAVE(ftruncate64) HAVE(unlink) HAVE(rename)

static void *real(const char *name, void **known) {
  if (!*known) *known = dlsym(RTLD_NEXT, name);
  return *known;
}

// Call with the lock held. One write an entry, so that whoever kills the process leaves whole entries or a cut last one.
static void tell(uint32_t kind, uint32_t file, uint64_t offset, const void *data, size_t length) {
  if (log_fd < 0) return;
  struct entry entry = { kind, file, offset, length };
  struct iovec parts[] = { { &entry, sizeof entry }, { (void *)data, data ? length : 0 } };
  if (REAL(writev)(log_fd, parts, 2) != (ssize_t)(sizeof entry + (data ? length : 0))) abort();
}

__attribute__((constructor)) static void start(void) {
  const char *within = getenv("DISK_FOLDER"), *log = getenv("DISK_LOG"), *control = getenv("DISK_FAULTS");
  if (!within || !control) return;
  int fd = REAL(open)(control, O_RDWR | O_CLOEXEC);
  faults = mmap(0, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || faults == MAP_FAILED) abort();
  if (log && *log && (log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) abort();
  strncpy(folder, within, sizeof folder - 1);
  tell(START, 0, 0, 0, 0);
}

static int fails(int kind) {
  if (!faults || !(__atomic_load_n(&faults->kinds, __ATOMIC_ACQUIRE) & 1 << kind)) return 0;
  if (__atomic_fetch_sub(&faults->after, 1, __ATOMIC_ACQ_REL) > 0) return 0;
  if (__atomic_fetch_sub(&faults->times, 1, __ATOMIC_ACQ_REL) <= 0) return 0;
  __atomic_fetch_add(&faults->pulled, 1, __ATOMIC_ACQ_REL);
  errno = faults->error;
  return 1;
}

static int ours(const char *path) { return *folder && path && !strncmp(path, folder, strlen(folder)); }

static uint32_t file(int fd) { return fd >= 0 && fd < FILES ? files[fd] : 0; }

// ---- descriptors

static int note(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= FILES || !ours(path)) return fd;
  pthread_mutex_lock(&one);
  files[fd] = ++opened;
  tell(OPEN, opened, flags & O_TRUNC ? 1 : 0, path, strlen(path));
  pthread_mutex_unlock(&one);
  return fd;
}

#define MODE(flags) int mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); }

int open(const char *path, int flags, ...) { MODE(flags) return note(REAL(open)(path, flags, mode), path, flags); }
int open64(const char *path, int flags, ...) { MODE(flags) return note(REAL(open64)(path, flags, mode), path, flags); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return note(REAL(openat)(at, path, flags, mode), path, flags); }

int close(int fd) {
  if (fd >= 0 && fd < FILES) files[fd] = 0;
  return REAL(close)(fd);
}

// ---- writes: under the lock, so that the log has them in their order

static ssize_t written(int fd, uint64_t offset, const void *data, ssize_t length) {
  if (length > 0) tell(WRITE, file(fd), offset, data, length);
  pthread_mutex_unlock(&one);
  return length;
}

#define PWRITE(name, type) \
  ssize_t name(int fd, const void *data, size_t length, type offset) { \
    if (!file(fd)) return REAL(name)(fd, data, length, offset); \
    if (fails(WRITE)) return -1; \
    pthread_mutex_lock(&one); \
    return written(fd, offset, data, REAL(name)(fd, data, length, offset)); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length) {
  if (!file(fd)) return REAL(write)(fd, data, length);
  if (fails(WRITE)) return -1;
  pthread_mutex_lock(&one);
  ssize_t done = REAL(write)(fd, data, length);
  return written(fd, lseek(fd, 0, SEEK_CUR) - (done > 0 ? done : 0), data, done);
}

// Nobody writes our files in pieces; should that change, this says so.
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (file(fd)) abort();
  return REAL(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  if (file(fd)) abort();
  return REAL(pwritev)(fd, parts, count, offset);
}

#define TRUNCATES(name, type) \
  int name(int fd, type length) { \
    if (!file(fd)) return REAL(name)(fd, length); \
    if (fails(TRUNCATE)) return -1; \
    pthread_mutex_lock(&one); \
    int done = REAL(name)(fd, length); \
    if (!done) tell(TRUNCATE, file(fd), length, 0, 0); \
    pthread_mutex_unlock(&one); \
    return done; \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

// ---- syncs: what was written before the begin is on the disk at the end

#define SYNCS(name) \
  int name(int fd) { \
    if (!file(fd)) return REAL(name)(fd); \
    if (fails(SYNC_BEGIN)) return -1; \
    pthread_mutex_lock(&one); \
    uint32_t which = file(fd); \
    tell(SYNC_BEGIN, which, 0, 0, 0); \
    pthread_mutex_unlock(&one); \
    int done = REAL(name)(fd); \
    if (!done) { \
      pthread_mutex_lock(&one); \
      tell(SYNC_END, which, 0, 0, 0); \
      pthread_mutex_unlock(&one); \
    } \
    return done; \
  }
SYNCS(fsync)
SYNCS(fdatasync)

// ---- reads

#define PREAD(name, type) \
  ssize_t name(int fd, void *data, size_t length, type offset) { \
    return file(fd) && fails(READ) ? -1 : REAL(name)(fd, data, length, offset); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t read(int fd, void *data, size_t length) { return file(fd) && fails(READ) ? -1 : REAL(read)(fd, data, length); }

// ---- names

int unlink(const char *path) {
  if (!ours(path)) return REAL(unlink)(path);
  pthread_mutex_lock(&one);
  int done = REAL(unlink)(path);
  if (!done) tell(UNLINK, 0, 0, path, strlen(path));
  pthread_mutex_unlock(&one);
  return done;
}

int rename(const char *from, const char *to) {
  if (!ours(from)) return REAL(rename)(from, to);
  char both[8192];
  size_t length = strlen(from) + 1 + strlen(to);
  if (length >= sizeof both) abort();
  strcpy(both, from);
  strcpy(both + strlen(from) + 1, to);
  pthread_mutex_lock(&one);
  int done = REAL(rename)(from, to);
  if (!done) tell(RENAME, 0, 0, both, length);
  pthread_mutex_unlock(&one);
  return done;
}
