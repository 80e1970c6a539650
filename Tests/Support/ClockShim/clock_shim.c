/* Preloaded into a server: its wall clock is ours plus what the file $CLOCK_CELL says. Its monotonic clock stays right.

   The file holds two int64: 0 and microseconds to add, or 1 and the microseconds since 1970 at which time stands still. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *cell;

__attribute__((constructor)) static void map_cell(void) {
    const char *path = getenv("CLOCK_CELL");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) cell = memory;
    close(file);
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
    (void)zone;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    int64_t us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    if (cell) us = cell[0] ? cell[1] : us + cell[1];
    result->tv_sec = us / 1000000;
    result->tv_usec = us % 1000000;
    return 0;
}
