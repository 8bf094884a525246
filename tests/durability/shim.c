/* Stands between the program and the C library (LD_PRELOAD) and sees every call on files of one folder.
 *
 * Three uses, chosen by `shim_arm`: write all calls down, so that a power cut can be replayed; fail the nth call, once or
 * from then on; kill the process at the nth call, a write half done. Until armed it only passes calls on. One thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { IDLE, RECORD, FAIL, KILL };
enum { CHANGES = 1, READS = 2 };
#define FILES_MAX 1024

static int mode = IDLE, error_number, for_ever, log_file = -1, wanted = CHANGES;
static long call_number, nth;
static char folder[4096];
static unsigned char watched[FILES_MAX];

struct entry { int32_t what, file; int64_t at, size; };

/* Names the laptop's folder and what to do with calls on it; the count begins at 0. */
void shim_arm(const char *path, int new_mode, long n, int error, int ever, int kinds, int log) {
    strncpy(folder, path, sizeof folder - 1);
    call_number = 0, nth = n, error_number = error, for_ever = ever, wanted = kinds, log_file = log;
    mode = new_mode;
}

/* Passes everything on again and returns how many calls were counted. */
long shim_disarm(void) { mode = IDLE; return call_number; }

static void note(int what, int file, int64_t at, const void *data, int64_t size) {
    struct entry head = {what, file, at, size};
    if (mode != RECORD) return;
    int kept = errno;
    syscall(SYS_write, log_file, &head, sizeof head);
    if (size) syscall(SYS_write, log_file, data, size);
    errno = kept;
}

/* Something the program said, in its place between the calls. */
void shim_mark(const char *words) { note('A', 0, 0, words, strlen(words)); }

static int inside(const char *path) { return *folder && !strncmp(path, folder, strlen(folder)); }
static int seen(int file) { return file >= 0 && file < FILES_MAX && watched[file]; }

/* Counts a call; returns whether it is to fail, with errno set, or does not return at all. */
static int struck(int kind) {
    if ((mode != FAIL && mode != KILL) || !(kind & wanted)) return 0;
    long number = call_number++;
    if (mode == KILL) return number == nth;
    if (number != nth && !(for_ever && number > nth)) return 0;
    errno = error_number;
    return 1;
}

static int die(void) { syscall(SYS_kill, getpid(), SIGKILL); return -1; }
static int refuse(void) { return mode == KILL ? die() : -1; }

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int opened(int file, const char *path, int flags) {
    if (file >= 0 && file < FILES_MAX) {
        watched[file] = inside(path);
        if (watched[file]) note('O', file, flags, path, strlen(path));
    }
    return file;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); mode_t rights = va_arg(rest, mode_t); va_end(rest); \
        REAL(int, name, const char *, int, ...); \
        if (inside(path) && struck(flags & (O_CREAT | O_TRUNC) ? CHANGES : READS)) return refuse(); \
        return opened(real(path, flags, rights), path, flags); \
    }
OPEN(open)
OPEN(open64)

int close(int file) {
    REAL(int, close, int);
    if (seen(file)) { note('C', file, 0, 0, 0); watched[file] = 0; }
    return real(file);
}

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (!seen(file)) return real(file, data, size);
    if (struck(CHANGES)) { if (mode == KILL) real(file, data, size / 2); return refuse(); }
    int64_t at = lseek(file, 0, SEEK_CUR);
    ssize_t done = real(file, data, size);
    if (done > 0) note('W', file, at, data, done);
    return done;
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    if (!seen(file)) return real(file, data, size, at);
    if (struck(CHANGES)) { if (mode == KILL) real(file, data, size / 2, at); return refuse(); }
    ssize_t done = real(file, data, size, at);
    if (done > 0) note('W', file, at, data, done);
    return done;
}

ssize_t read(int file, void *data, size_t size) {
    REAL(ssize_t, read, int, void *, size_t);
    return seen(file) && struck(READS) ? refuse() : real(file, data, size);
}

ssize_t pread64(int file, void *data, size_t size, off64_t at) {
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    return seen(file) && struck(READS) ? refuse() : real(file, data, size, at);
}

int ftruncate64(int file, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    if (seen(file) && struck(CHANGES)) return refuse();
    int done = real(file, size);
    if (seen(file) && !done) note('T', file, size, 0, 0);
    return done;
}

#define SYNC(name) \
    int name(int file) { \
        REAL(int, name, int); \
        if (seen(file) && struck(CHANGES)) return refuse(); \
        int done = real(file); \
        if (seen(file) && !done) note('S', file, 0, 0, 0); \
        return done; \
    }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *old, const char *new) {
    REAL(int, rename, const char *, const char *);
    if (inside(new) && struck(CHANGES)) return refuse();
    int done = real(old, new);
    if (inside(new) && !done) { note('R', 0, 0, old, strlen(old)); note('N', 0, 0, new, strlen(new)); }
    return done;
}

int mkdir(const char *path, mode_t rights) {
    REAL(int, mkdir, const char *, mode_t);
    if (inside(path) && struck(CHANGES)) return refuse();
    int done = real(path, rights);
    if (inside(path) && !done) note('M', 0, 0, path, strlen(path));
    return done;
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    if (inside(path) && struck(CHANGES)) return refuse();
    int done = real(path);
    if (inside(path) && !done) note('U', 0, 0, path, strlen(path));
    return done;
}
