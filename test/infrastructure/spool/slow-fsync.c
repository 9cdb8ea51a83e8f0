// A disk that takes 20 ms to confirm. Each time one byte goes to the file named by FSYNC_LOG.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slowly(long call, int fd) {
  const struct timespec delay = {0, 20 * 1000 * 1000};
  nanosleep(&delay, NULL);
  int log = open(getenv("FSYNC_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  (void)!write(log, "x", 1);
  close(log);
  return (int)syscall(call, fd);
}

int fsync(int fd) { return slowly(SYS_fsync, fd); }
int fdatasync(int fd) { return slowly(SYS_fdatasync, fd); }
