/* Makes a query into an answer of the usual size, without looking anything up: the question, and one A record whose
 * owner points to it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Owner at offset 12, type A, class IN, TTL 3600, 192.0.2.2. */
static const uint8_t ANSWER_RECORD[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 2};

/* Where the question ends; 0 if there is not just one, whole question. */
static inline size_t end_of_question(const uint8_t *query, size_t length) {
  size_t at = 12;
  if (length < at || query[4] != 0 || query[5] != 1) return 0;
  while (at < length && query[at] != 0) at += query[at] + 1u;
  return at + 5 <= length ? at + 5 : 0;
}

/* In place, with room for ANSWER_RECORD behind the query; gives the length of the answer, 0 if there is none. */
static inline size_t make_answer(uint8_t *packet, size_t length) {
  size_t end = end_of_question(packet, length);
  if (end == 0 || (packet[2] & 0x80) != 0) return 0;
  packet[2] |= 0x80;                     /* QR */
  packet[3] = 0x80;                      /* RA, NOERROR */
  memcpy(packet + 6, "\0\1\0\0\0\0", 6); /* One answer, no other records. */
  memcpy(packet + end, ANSWER_RECORD, sizeof ANSWER_RECORD);
  return end + sizeof ANSWER_RECORD;
}
