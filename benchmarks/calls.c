/* Put before the C library (LD_PRELOAD): counts the calls that change what lies under one folder, tells of each, and
   strikes at the n-th: the process is killed before it or in the middle of it, or the call fails. And it lets the
   clock jump. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE = 2, SYNC = 4, RENAME = 8, REMOVE = 16, OTHER = 32 };
enum { COUNT, KILL, TEAR, FAIL, FAIL_ON };  /* FAIL_ON: this call and all after it */
enum { GO = 0, HALF = -1 };                 /* what a call is to do; else it fails with this errno */

static char folder[PATH_MAX];
static size_t folder_length;
static long strike_at;
static int strike_how, strike_code, strike_kinds, told_to = -1, waits_for = -1;
static pthread_mutex_t one_by_one = PTHREAD_MUTEX_INITIALIZER;
static atomic_long n_calls, n_struck;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

/* From now on: count calls of these kinds under a folder; tell of each on a descriptor, unless that is -1. */
void calls_watch(const char *path, int kinds, long at, int how, int code, int descriptor)
{
    folder_length = 0;
    n_calls = 0;
    strike_at = at, strike_how = how, strike_code = code, strike_kinds = kinds, told_to = descriptor;
    strncpy(folder, path, sizeof folder - 1);
    folder_length = strlen(folder);
}

/* From now on: before each call, once it is told, wait for a byte on a descriptor. */
void calls_step(int descriptor) { waits_for = descriptor; }

/* How many calls were struck so far. */
long calls_struck(void) { return n_struck; }

static void tell(long n, int kind, const char *path)
{
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld %d %s\n", n, kind, path + folder_length);
    if (told_to >= 0 && length > 0) (void)!REAL(write)(told_to, line, length);
}

static int met(int kind, const char *path)
{
    int before = errno;
    if (!folder_length || !(kind & strike_kinds) || strncmp(path, folder, folder_length)) return GO;
    pthread_mutex_lock(&one_by_one);
    long n = atomic_fetch_add(&n_calls, 1) + 1;
    char byte;
    tell(n, kind, path);
    if (waits_for >= 0) (void)!read(waits_for, &byte, 1);
    pthread_mutex_unlock(&one_by_one);
    errno = before;
    if (strike_how == COUNT || n < strike_at || (n > strike_at && strike_how != FAIL_ON)) return GO;
    atomic_fetch_add(&n_struck, 1);
    if (strike_how == KILL) kill(getpid(), SIGKILL), pause();
    return strike_how == TEAR ? HALF : strike_code;
}

static int met_open_file(int kind, int descriptor)
{
    char link[64], path[PATH_MAX];
    int before = errno;
    if (!folder_length) return GO;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return GO;
    path[length] = 0;
    return met(kind, path);
}

static int met_named(int kind, int at, const char *name)
{
    char path[2 * PATH_MAX] = "", link[64];
    if (!folder_length || !name) return GO;
    if (name[0] != '/') {
        int before = errno;
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, path, PATH_MAX - 1);
        errno = before;
        if (length < 0) return GO;
        path[length] = '/', path[length + 1] = 0;
    }
    strncat(path, name, PATH_MAX - 1);
    return met(kind, path);
}

/* Writing half of it and dying is how a kill can tear a long write. */
#define STRUCK(what, half) do { int to_do = (what); \
    if (to_do == HALF) { half; kill(getpid(), SIGKILL); pause(); } \
    if (to_do != GO) { errno = to_do; return -1; } } while (0)

ssize_t write(int fd, const void *data, size_t n)
{
    STRUCK(met_open_file(WRITE, fd), (void)!REAL(write)(fd, data, n / 2));
    return REAL(write)(fd, data, n);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    STRUCK(met_open_file(WRITE, fd), (void)!REAL(pwrite)(fd, data, n / 2, at));
    return REAL(pwrite)(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    STRUCK(met_open_file(WRITE, fd), (void)!REAL(pwrite64)(fd, data, n / 2, at));
    return REAL(pwrite64)(fd, data, n, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    STRUCK(met_open_file(WRITE, fd), (void)!REAL(writev)(fd, parts, n / 2));
    return REAL(writev)(fd, parts, n);
}

ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
    STRUCK(met_open_file(WRITE, out), (void)!REAL(sendfile)(out, in, at, n / 2));
    return REAL(sendfile)(out, in, at, n);
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t n)
{
    STRUCK(met_open_file(WRITE, out), (void)!REAL(sendfile64)(out, in, at, n / 2));
    return REAL(sendfile64)(out, in, at, n);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t n, unsigned int flags)
{
    STRUCK(met_open_file(WRITE, out), (void)!REAL(copy_file_range)(in, from, out, to, n / 2, flags));
    return REAL(copy_file_range)(in, from, out, to, n, flags);
}

/* Nothing is really synced: what was written outlives the process anyway, and a disk would take the longest part. */
int fsync(int fd)
{
    STRUCK(met_open_file(SYNC, fd), );
    return 0;
}

int fdatasync(int fd)
{
    STRUCK(met_open_file(SYNC, fd), );
    return 0;
}

int rename(const char *from, const char *to)
{
    STRUCK(met_named(RENAME, AT_FDCWD, to), );
    return REAL(rename)(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    STRUCK(met_named(RENAME, to_at, to), );
    return REAL(renameat)(from_at, from, to_at, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned int flags)
{
    STRUCK(met_named(RENAME, to_at, to), );
    return REAL(renameat2)(from_at, from, to_at, to, flags);
}

int unlink(const char *path)
{
    STRUCK(met_named(REMOVE, AT_FDCWD, path), );
    return REAL(unlink)(path);
}

int unlinkat(int at, const char *path, int flags)
{
    STRUCK(met_named(REMOVE, at, path), );
    return REAL(unlinkat)(at, path, flags);
}

int rmdir(const char *path)
{
    STRUCK(met_named(REMOVE, AT_FDCWD, path), );
    return REAL(rmdir)(path);
}

int mkdir(const char *path, mode_t mode)
{
    STRUCK(met_named(OTHER, AT_FDCWD, path), );
    return REAL(mkdir)(path, mode);
}

int ftruncate(int fd, off_t length)
{
    STRUCK(met_open_file(OTHER, fd), );
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    STRUCK(met_open_file(OTHER, fd), );
    return REAL(ftruncate64)(fd, length);
}

int chmod(const char *path, mode_t mode)
{
    STRUCK(met_named(OTHER, AT_FDCWD, path), );
    return REAL(chmod)(path, mode);
}

#define MODE(flags) ({ mode_t mode = 0; if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } mode; })

static int met_opening(int at, const char *path, int flags)
{
    struct stat about;
    int before = errno;
    int is_new = (flags & O_TRUNC) || ((flags & O_CREAT) && fstatat(at, path, &about, 0) != 0);
    errno = before;
    return is_new ? met_named(CREATE, at, path) : GO;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    STRUCK(met_opening(AT_FDCWD, path, flags), );
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    STRUCK(met_opening(AT_FDCWD, path, flags), );
    return REAL(open64)(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    STRUCK(met_opening(at, path, flags), );
    return REAL(openat)(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    STRUCK(met_opening(at, path, flags), );
    return REAL(openat64)(at, path, flags, mode);
}

static long clock_jump;
static atomic_long n_looks;

/* From now on the clock of the day jumps to and fro by so many seconds, at every third look. */
void calls_jump(long seconds) { clock_jump = seconds; }

static long jumped(void)
{
    return !clock_jump ? 0 : (long[]){ 0, -clock_jump, clock_jump }[atomic_fetch_add(&n_looks, 1) % 3];
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = REAL(clock_gettime)(id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += jumped();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int failed = REAL(gettimeofday)(now, zone);
    if (!failed) now->tv_sec += jumped();
    return failed;
}

time_t time(time_t *now)
{
    time_t seconds = REAL(time)(NULL) + jumped();
    if (now) *now = seconds;
    return seconds;
}
