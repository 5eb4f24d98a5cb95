/* The queries of a stream as they go over the wire, one behind the other, made before any time is taken. */
#pragma once
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 12, NAME_BYTES_MAX = 255, QUERY_BYTES_MAX = HEADER_BYTES + NAME_BYTES_MAX + 4 };
enum { TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1 };

struct queries {
  uint8_t *bytes;
  uint32_t *offsets; /* Of each query; one more, the end of the last. */
  uint32_t count, capacity;
  size_t capacity_bytes;
};

static inline void put16(uint8_t *at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

/* Writes a name as labels; gives its length, 0 if it is none. */
static inline size_t put_name(uint8_t *at, const char *name) {
  size_t length = 0;
  while (*name != '\0') {
    size_t label = strcspn(name, ".");
    if (label == 0 || label > 63 || length + label + 2 > NAME_BYTES_MAX) return 0;
    at[length++] = (uint8_t)label;
    memcpy(at + length, name, label);
    length += label;
    name += label;
    if (*name == '.') name++;
  }
  at[length++] = 0;
  return length;
}

static inline void grow(struct queries *queries) {
  queries->capacity = queries->capacity * 2 + 1024;
  queries->offsets = realloc(queries->offsets, (queries->capacity + 1) * sizeof *queries->offsets);
  queries->capacity_bytes = (size_t)queries->capacity * QUERY_BYTES_MAX;
  if (queries->capacity_bytes > UINT32_MAX) errx(1, "too many names");
  queries->bytes = realloc(queries->bytes, queries->capacity_bytes); /* Untouched pages take no memory. */
  if (queries->bytes == NULL || queries->offsets == NULL) err(1, "memory for the names");
}

/* Adds a query as a stub resolver sends it: RD, one question, no EDNS. Its id is written when it is sent. */
static inline void add_query(struct queries *queries, const char *name, unsigned type) {
  if (queries->count == queries->capacity) grow(queries);
  uint32_t offset = queries->count == 0 ? 0 : queries->offsets[queries->count];
  uint8_t *query = queries->bytes + offset;
  memcpy(query, "\0\0\1\0\0\1\0\0\0\0\0\0", HEADER_BYTES);
  size_t name_bytes = put_name(query + HEADER_BYTES, name);
  if (name_bytes == 0) errx(1, "not a name: %s", name);
  put16(query + HEADER_BYTES + name_bytes, type);
  put16(query + HEADER_BYTES + name_bytes + 2, CLASS_IN);
  queries->offsets[queries->count] = offset;
  queries->offsets[++queries->count] = offset + (uint32_t)(HEADER_BYTES + name_bytes + 4);
}

/* `PREFIX-NUMBER.ZONE` for each number. */
static inline void make_queries(struct queries *queries, const char *prefix, const char *zone, long count) {
  char name[NAME_BYTES_MAX + 1];
  for (long number = 0; number < count; number++) {
    if (snprintf(name, sizeof name, "%s-%ld.%s", prefix, number, zone) >= (int)sizeof name) errx(1, "name too long");
    add_query(queries, name, TYPE_A);
  }
}

/* A file as dnsperf takes it: a name and a type (A, AAAA; A if there is none) on each line. */
static inline void read_queries(struct queries *queries, const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) err(1, "%s", path);
  char line[512], name[NAME_BYTES_MAX + 1], type[16];
  while (fgets(line, sizeof line, file) != NULL) {
    int fields = sscanf(line, "%255s %15s", name, type);
    if (fields < 1) continue;
    if (fields == 1 || strcmp(type, "A") == 0) add_query(queries, name, TYPE_A);
    else if (strcmp(type, "AAAA") == 0) add_query(queries, name, TYPE_AAAA);
    else errx(1, "%s: type %s is not A or AAAA", path, type);
  }
  fclose(file);
}
