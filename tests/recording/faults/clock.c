// Sets the clocks of one process: what the person or the network does to a machine's.
// Loaded before libc, it answers clock_gettime for Python; the kernel knows nothing.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long long wall_ns, monotonic_ns;

void set_wall_ns(long long by) { wall_ns += by; }
void set_monotonic_ns(long long by) { monotonic_ns += by; }

int clock_gettime(clockid_t id, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, id, at);
    long long by = id == CLOCK_REALTIME ? wall_ns
                 : id == CLOCK_MONOTONIC ? monotonic_ns : 0;
    if (!failed && by) {
        long long ns = at->tv_sec * 1000000000LL + at->tv_nsec + by;
        at->tv_sec = ns / 1000000000LL;
        at->tv_nsec = ns % 1000000000LL;
    }
    return failed;
}
