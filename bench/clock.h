/* The time, and how much of it somebody else had our core. */
#pragma once
#include <stdint.h>
#include <time.h>

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t STALL_NS = 1000000; /* Twice what a batch takes. */

static struct {
  uint64_t seen_ns, stalled_ns;
} now = {0};

static inline uint64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

/* The time. Between two calls lies one batch at most, so that a long while means that somebody else had the core. */
static inline uint64_t now_ns(void) {
  uint64_t time_ns = clock_ns(), since_ns = time_ns - now.seen_ns;
  if (since_ns > STALL_NS) now.stalled_ns += since_ns;
  now.seen_ns = time_ns;
  return time_ns;
}

/* The same after a sleep, or at the start. */
static inline uint64_t awake_at_ns(void) { return now.seen_ns = clock_ns(); }
