/* Preloaded into a server: each fdatasync takes $SYNC_DELAY_US longer, and, where $SYNC_LOG names a file, the size that the
   synced file then had is appended to it as a line "inode size". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long delay_us;
static int log_file = -1;

__attribute__((constructor)) static void read_settings(void) {
    const char *delay = getenv("SYNC_DELAY_US");
    const char *path = getenv("SYNC_LOG");
    if (delay) delay_us = atol(delay);
    if (path) log_file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

int fdatasync(int file) {
    struct stat before;
    int known = fstat(file, &before) == 0;
    if (delay_us > 0) usleep((useconds_t)delay_us);
    int result = (int)syscall(SYS_fdatasync, file);
    if (result == 0 && known && log_file >= 0) {
        char line[64];
        int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)before.st_ino, (long long)before.st_size);
        if (write(log_file, line, (size_t)length) < 0) return result;
    }
    return result;
}
