/* Latencies in buckets that grow with their value: each power of two has 128 of them, so that a percentile is right
 * within 1 %, and recording one costs a few instructions whatever the number of samples. */
#pragma once
#include <stdint.h>

enum { SUB_BITS = 7, SUB_BUCKETS = 1 << SUB_BITS, POWERS = 34 }; /* Up to 2^40 ns, 18 minutes. */

struct histogram {
  uint64_t buckets[POWERS * SUB_BUCKETS];
  uint64_t count, sum_ns, max_ns;
};

static inline unsigned bucket_of(uint64_t value_ns) {
  if (value_ns < SUB_BUCKETS) return (unsigned)value_ns;
  unsigned shift = 63 - (unsigned)__builtin_clzll(value_ns) - SUB_BITS; /* What is left has SUB_BITS + 1 bits. */
  unsigned bucket = shift * SUB_BUCKETS + (unsigned)(value_ns >> shift);
  return bucket < POWERS * SUB_BUCKETS ? bucket : POWERS * SUB_BUCKETS - 1;
}

/* The middle of a bucket. */
static inline double bucket_value_ns(unsigned bucket) {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  unsigned shift = bucket / SUB_BUCKETS - 1;
  uint64_t low = (uint64_t)(bucket - shift * SUB_BUCKETS) << shift;
  return (double)low + (double)(1ull << shift) / 2;
}

static inline void record(struct histogram *histogram, uint64_t value_ns) {
  histogram->buckets[bucket_of(value_ns)]++;
  histogram->count++;
  histogram->sum_ns += value_ns;
  if (value_ns > histogram->max_ns) histogram->max_ns = value_ns;
}

/* The latency that `share` of all stayed below or at. */
static inline double percentile_ns(const struct histogram *histogram, double share) {
  uint64_t rank = (uint64_t)(share * (double)histogram->count), seen = 0;
  for (unsigned bucket = 0; bucket < POWERS * SUB_BUCKETS; bucket++) {
    seen += histogram->buckets[bucket];
    if (seen > rank) return bucket_value_ns(bucket);
  }
  return (double)histogram->max_ns;
}
