// Sets the clocks of one process: what the person or the network does to a machine's.
// Loaded before libc, it answers clock_gettime for Python; the kernel knows nothing.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long long wall_ns, monotonic_ns;

void set_wall_ns(long long by) { wall_ns += by; }
void set_monotonic_ns(long long by) { monotonic_ns += by; }

// A machine whose clock is wrong from the start.
__attribute__((constructor)) static void begin(void) {
    const char *by = getenv("WALL_NS");
    if (by) wall_ns = atoll(by);
}

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

// What checks certificates asks in whole seconds.
time_t time(time_t *to) {
    struct timespec at = {0, 0};
    clock_gettime(CLOCK_REALTIME, &at);
    if (to) *to = at.tv_sec;
    return at.tv_sec;
}
