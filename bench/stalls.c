/* Tells what share of a core's time somebody else takes, another guest of the host for example, whom no counter of this
 * machine shows: reads the clock without a pause, and prints the share of the time in which it could not.
 *
 *   stalls MILLISECONDS */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t STALL_NS = 300000; /* Interrupts take less. */

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv) {
  long milliseconds = argc == 2 ? atol(argv[1]) : 0;
  if (milliseconds < 1 || milliseconds > 10000) errx(2, "usage: stalls MILLISECONDS (1..10000)");
  uint64_t start_ns = now_ns(), before_ns = start_ns, stalled_ns = 0;
  while (before_ns - start_ns < (uint64_t)milliseconds * 1000000) {
    uint64_t time_ns = now_ns();
    if (time_ns - before_ns > STALL_NS) stalled_ns += time_ns - before_ns;
    before_ns = time_ns;
  }
  printf("%.4f\n", (double)stalled_ns / (double)(before_ns - start_ns));
  return 0;
}
