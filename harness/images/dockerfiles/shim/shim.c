// A shim between a node's processes and libc (LD_PRELOAD): it can fail or slow what they write to their data directory, and
// turn their wall clock. FIREDRILL_SHIM names a file that is shared with the agent, which writes the settings into it and reads
// the counters from it; FIREDRILL_SHIM_DIR is the data directory. Without settings it only passes calls on.
//
// Files are passed on by bare system calls: nothing is looked up, allocated or locked there, so that calls from signal handlers,
// after fork and before our constructor are safe, and no call comes back to us. What it cannot see: programs that make
// system calls themselves (Go), files written through a memory map, and what stdio writes from its buffer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

// The shared file. Its Go side is harness/agent/node/control.go: change both.
struct control {
    // written by the agent
    uint32_t version;
    uint32_t clock_seq;       // odd while the three clock settings below are being written
    int32_t write_errno;      // of calls that write to a file
    int32_t sync_errno;       // of calls that sync one
    int32_t change_errno;     // of calls that open for writing, create, rename, remove
    int32_t unused;
    int64_t write_delay_ns;
    int64_t sync_delay_ns;
    int64_t clock_offset_ns;  // how far the wall clock was ahead at clock_since_ns
    int64_t clock_rate_ppb;   // nanoseconds that it gains in each second since then
    int64_t clock_since_ns;   // on CLOCK_MONOTONIC
    // counted by us
    int64_t opened;           // files of the data directory that were opened for writing, always
    int64_t asked;            // questions for the wall clock, always
    int64_t writes;           // calls that were failed or slowed
    int64_t syncs;
    int64_t changes;
    int64_t skewed;           // wrong answers of the clock
};

static struct control *control; // NULL until the constructor ran, and where there is no file
static char prefix[PATH_MAX];   // the data directory
static size_t prefix_len;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void attach(void) {
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const char *file = getenv("FIREDRILL_SHIM"), *dir = getenv("FIREDRILL_SHIM_DIR");
    if (!file)
        return;
    if (dir && strlen(dir) < sizeof prefix) {
        strcpy(prefix, dir);
        prefix_len = strlen(dir);
    }
    int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (m != MAP_FAILED)
        control = m;
}

static void count(int64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

// within says whether a path is the data directory or below it.
static int within(const char *path) {
    return prefix_len && !strncmp(path, prefix, prefix_len) && (path[prefix_len] == 0 || path[prefix_len] == '/');
}

// link_of reads /proc/self/fd/N, or /proc/self/cwd for AT_FDCWD. It returns the length, 0 for none.
static size_t link_of(int fd, char *out, size_t size) {
    char name[40] = "/proc/self/cwd";
    if (fd != AT_FDCWD) {
        char digits[12];
        int n = 0;
        for (unsigned v = fd; n == 0 || v; v /= 10)
            digits[n++] = '0' + v % 10;
        char *p = stpcpy(name, "/proc/self/fd/");
        while (n)
            *p++ = digits[--n];
        *p = 0;
    }
    ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, name, out, size - 1);
    if (len <= 0)
        return 0;
    out[len] = 0;
    return len;
}

// our_file says whether an open file is a regular one (or a folder) of the data directory: never a socket or a pipe.
static int our_file(int fd) {
    int saved = errno, ours = 0;
    struct stat s;
    char path[PATH_MAX];
    if (prefix_len && fd >= 0 && fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)))
        ours = link_of(fd, path, sizeof path) && within(path);
    errno = saved;
    return ours;
}

// our_path says whether a path, as it was given to a call, leads into the data directory.
static int our_path(int dir, const char *path) {
    if (!prefix_len || !path)
        return 0;
    if (path[0] == '/')
        return within(path);
    int saved = errno, ours = 0;
    char full[2 * PATH_MAX];
    size_t len = link_of(dir, full, PATH_MAX);
    while (len && path[0] == '.') {
        if (path[1] == '/') {
            path += 2;
        } else if (path[1] == '.' && path[2] == '/') {
            path += 3;
            while (len && full[--len] != '/')
                ;
            full[len] = 0;
        } else {
            break;
        }
    }
    if (len && strlen(path) < PATH_MAX) {
        full[len] = '/';
        strcpy(full + len + 1, path);
        ours = within(full);
    }
    errno = saved;
    return ours;
}

// pass_time lets a delay pass, in short pieces so that a heal ends it. Signals do not cut a slow disk short.
static void pass_time(int64_t *delay) {
    const int64_t piece = 10 * 1000 * 1000;
    for (int64_t passed = 0, left; (left = __atomic_load_n(delay, __ATOMIC_RELAXED) - passed) > 0; passed += piece) {
        struct timespec t = {0, left < piece ? left : piece};
        while (syscall(SYS_nanosleep, &t, &t) != 0 && errno == EINTR)
            ;
    }
}

// hit applies settings to a call on a file that is known to be ours. It says whether the call fails, with errno set.
static int hit(int32_t *error, int64_t *delay, int64_t *counter) {
    int saved = errno;
    count(counter);
    if (delay)
        pass_time(delay);
    int e = __atomic_load_n(error, __ATOMIC_RELAXED);
    errno = e ? e : saved;
    return e != 0;
}

static int write_fails(int fd) {
    return control && (control->write_errno || control->write_delay_ns) && our_file(fd) &&
           hit(&control->write_errno, &control->write_delay_ns, &control->writes);
}

static int sync_fails(int fd) {
    return control && (control->sync_errno || control->sync_delay_ns) && our_file(fd) &&
           hit(&control->sync_errno, &control->sync_delay_ns, &control->syncs);
}

static int change_fails(int dir, const char *path) {
    return control && control->change_errno && our_path(dir, path) && hit(&control->change_errno, NULL, &control->changes);
}

// Writes.

EXPORT ssize_t write(int fd, const void *b, size_t n) { return write_fails(fd) ? -1 : syscall(SYS_write, fd, b, n); }
EXPORT ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, b, n, o); }
EXPORT ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return pwrite(fd, b, n, o); }
EXPORT ssize_t writev(int fd, const struct iovec *v, int n) { return write_fails(fd) ? -1 : syscall(SYS_writev, fd, v, n); }
EXPORT ssize_t pwritev(int fd, const struct iovec *v, int n, off_t o) { return write_fails(fd) ? -1 : syscall(SYS_pwritev, fd, v, n, o, 0L); }
EXPORT ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) { return pwritev(fd, v, n, o); }
EXPORT ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t o, int f) { return write_fails(fd) ? -1 : syscall(SYS_pwritev2, fd, v, n, o, 0L, f); }
EXPORT ssize_t pwritev64v2(int fd, const struct iovec *v, int n, off64_t o, int f) { return pwritev2(fd, v, n, o, f); }
EXPORT ssize_t copy_file_range(int in, off64_t *i, int out, off64_t *o, size_t n, unsigned f) {
    return write_fails(out) ? -1 : syscall(SYS_copy_file_range, in, i, out, o, n, f);
}
EXPORT int fallocate(int fd, int mode, off_t o, off_t n) { return write_fails(fd) ? -1 : syscall(SYS_fallocate, fd, mode, o, n); }
EXPORT int fallocate64(int fd, int mode, off64_t o, off64_t n) { return fallocate(fd, mode, o, n); }
EXPORT int ftruncate(int fd, off_t n) { return write_fails(fd) ? -1 : syscall(SYS_ftruncate, fd, n); }
EXPORT int ftruncate64(int fd, off64_t n) { return ftruncate(fd, n); }

// It returns its error, and writes zeros where the file system cannot allocate: libc's own does that.
EXPORT int posix_fallocate(int fd, off_t o, off_t n) {
    static int (*real)(int, off_t, off_t);
    int saved = errno;
    if (write_fails(fd)) {
        int e = errno;
        errno = saved;
        return e;
    }
    if (!real)
        real = dlsym(RTLD_NEXT, "posix_fallocate");
    return real(fd, o, n);
}
EXPORT int posix_fallocate64(int fd, off64_t o, off64_t n) { return posix_fallocate(fd, o, n); }

// Syncs.

EXPORT int fsync(int fd) { return sync_fails(fd) ? -1 : syscall(SYS_fsync, fd); }
EXPORT int fdatasync(int fd) { return sync_fails(fd) ? -1 : syscall(SYS_fdatasync, fd); }
EXPORT int syncfs(int fd) { return sync_fails(fd) ? -1 : syscall(SYS_syncfs, fd); }
EXPORT int sync_file_range(int fd, off64_t o, off64_t n, unsigned f) { return sync_fails(fd) ? -1 : syscall(SYS_sync_file_range, fd, o, n, f); }

// Changes of the directory.

// opens counts what is opened for writing below the data directory, which tells the agent whom it can reach.
static int opens_in_vain(int dir, const char *path, int writes) {
    if (!control || !writes || !our_path(dir, path))
        return 0;
    count(&control->opened);
    return control->change_errno && hit(&control->change_errno, NULL, &control->changes);
}

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    int writes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
    return opens_in_vain(dir, path, writes) ? -1 : syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags)                                          \
    mode_t mode = 0;                                         \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                                        \
        va_start(more, flags);                               \
        mode = va_arg(more, mode_t);                         \
        va_end(more);                                        \
    }

EXPORT int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int dir, const char *path, int flags, ...) { MODE(flags) return open_at(dir, path, flags, mode); }
EXPORT int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return open_at(dir, path, flags, mode); }
EXPORT int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
EXPORT int creat64(const char *path, mode_t mode) { return creat(path, mode); }

// What programs built with _FORTIFY_SOURCE call in place of open.
EXPORT int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
EXPORT int __openat_2(int dir, const char *path, int flags) { return open_at(dir, path, flags, 0); }
EXPORT int __openat64_2(int dir, const char *path, int flags) { return open_at(dir, path, flags, 0); }

EXPORT FILE *fopen(const char *path, const char *mode) {
    static FILE *(*real)(const char *, const char *);
    if (opens_in_vain(AT_FDCWD, path, mode && strpbrk(mode, "wa+")))
        return NULL;
    if (!real)
        real = dlsym(RTLD_NEXT, "fopen64");
    return real(path, mode);
}
EXPORT FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return change_fails(from, old) || change_fails(to, new) ? -1 : syscall(SYS_renameat2, from, old, to, new, flags);
}
EXPORT int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int renameat(int from, const char *old, int to, const char *new) { return renameat2(from, old, to, new, 0); }
EXPORT int unlinkat(int dir, const char *path, int flags) { return change_fails(dir, path) ? -1 : syscall(SYS_unlinkat, dir, path, flags); }
EXPORT int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
EXPORT int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
EXPORT int remove(const char *path) {
    int r = unlink(path);
    return r != 0 && errno == EISDIR ? rmdir(path) : r;
}
EXPORT int mkdirat(int dir, const char *path, mode_t mode) { return change_fails(dir, path) ? -1 : syscall(SYS_mkdirat, dir, path, mode); }
EXPORT int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
EXPORT int linkat(int from, const char *old, int to, const char *new, int flags) {
    return change_fails(to, new) ? -1 : syscall(SYS_linkat, from, old, to, new, flags);
}
EXPORT int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int symlinkat(const char *to, int dir, const char *path) { return change_fails(dir, path) ? -1 : syscall(SYS_symlinkat, to, dir, path); }
EXPORT int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }
EXPORT int truncate(const char *path, off_t n) { return change_fails(AT_FDCWD, path) ? -1 : syscall(SYS_truncate, path, n); }
EXPORT int truncate64(const char *path, off64_t n) { return truncate(path, n); }

// The wall clock. CLOCK_MONOTONIC is never touched: what is measured and waited for inside a program goes on.

static int clock_now(clockid_t id, struct timespec *t) {
    return real_clock_gettime ? real_clock_gettime(id, t) : syscall(SYS_clock_gettime, id, t);
}

static int is_wall(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI; }

// skew is how far the wall clock is ahead now.
static int64_t skew(void) {
    if (!control || (!control->clock_offset_ns && !control->clock_rate_ppb))
        return 0;
    int64_t offset = 0, rate = 0, since = 0;
    for (int tries = 0; tries < 1000; tries++) { // bounded: an agent may have died while it wrote
        uint32_t seq = __atomic_load_n(&control->clock_seq, __ATOMIC_ACQUIRE);
        offset = __atomic_load_n(&control->clock_offset_ns, __ATOMIC_RELAXED);
        rate = __atomic_load_n(&control->clock_rate_ppb, __ATOMIC_RELAXED);
        since = __atomic_load_n(&control->clock_since_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(seq & 1) && seq == __atomic_load_n(&control->clock_seq, __ATOMIC_RELAXED))
            break;
    }
    if (rate) {
        struct timespec now;
        clock_now(CLOCK_MONOTONIC, &now);
        offset += (int64_t)((__int128)rate * (now.tv_sec * 1000000000LL + now.tv_nsec - since) / 1000000000LL);
    }
    return offset;
}

static void shift(struct timespec *t, int64_t by) {
    int64_t ns = t->tv_nsec + by % 1000000000LL; // the whole would overflow for a moment that means never
    t->tv_sec += by / 1000000000LL + (ns >= 1000000000LL) - (ns < 0);
    t->tv_nsec = ns + (ns < 0) * 1000000000LL - (ns >= 1000000000LL) * 1000000000LL;
}

static int wall(clockid_t id, struct timespec *t) {
    int r = clock_now(id, t);
    if (r != 0 || !control)
        return r;
    count(&control->asked);
    int64_t by = skew();
    if (by) {
        count(&control->skewed);
        shift(t, by);
    }
    return 0;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *t) { return is_wall(id) ? wall(id, t) : clock_now(id, t); }
EXPORT int gettimeofday(struct timeval *restrict v, void *restrict zone) {
    struct timespec t;
    if (zone)
        memset(zone, 0, sizeof(struct timezone));
    int r = wall(CLOCK_REALTIME, &t);
    if (r == 0)
        *v = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return r;
}
EXPORT time_t time(time_t *out) {
    struct timespec t;
    if (wall(CLOCK_REALTIME, &t) != 0)
        return -1;
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}
EXPORT int timespec_get(struct timespec *t, int base) { return base == TIME_UTC && wall(CLOCK_REALTIME, t) == 0 ? base : 0; }

// Waits until a moment of the wall clock: the program reckons with our time, the kernel with its own.

static const struct timespec *kernels(const struct timespec *at, struct timespec *room) {
    int64_t by = skew();
    if (!by || !at)
        return at;
    *room = *at;
    shift(room, -by);
    if (room->tv_sec < 0)
        *room = (struct timespec){0, 0};
    return room;
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict at) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    const unsigned monotonic = 2; // glibc's mark in __wrefs, since 2.25
    struct timespec room;
    if (!real && !(real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"))) // x86-64 has an older one, too
        real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    return real(c, m, c->__data.__wrefs & monotonic ? at : kernels(at, &room));
}
EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t id, const struct timespec *restrict at) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    struct timespec room;
    if (!real)
        real = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    return real(c, m, id, is_wall(id) ? kernels(at, &room) : at);
}
EXPORT int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict at) {
    static int (*real)(pthread_mutex_t *, const struct timespec *);
    struct timespec room;
    if (!real)
        real = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
    return real(m, kernels(at, &room));
}
EXPORT int sem_timedwait(sem_t *restrict s, const struct timespec *restrict at) {
    static int (*real)(sem_t *, const struct timespec *);
    struct timespec room;
    if (!real)
        real = dlsym(RTLD_NEXT, "sem_timedwait");
    return real(s, kernels(at, &room));
}
EXPORT int clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *left) {
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    struct timespec room;
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_nanosleep");
    return real(id, flags, is_wall(id) && flags & TIMER_ABSTIME ? kernels(t, &room) : t, left);
}
