/* A stream of queries: its sockets, the places for queries that wait for an answer, and what became of them. */
#pragma once
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "clock.h"
#include "histogram.h"
#include "queries.h"

enum { BATCH_MAX = 64, SOCKETS_MAX = 64, RECEIVE_BUFFER_BYTES = 8 << 20 };
/* An id is the number of a slot and, above it, how often the slot was used: a late answer does not pass for another. */
enum { SLOT_BITS = 10, SLOTS_MAX = 1 << SLOT_BITS };
enum { QR_OPCODE_TC = 0xfa00, QR = 0x8000, RCODE = 0x000f };

struct slot {
  uint64_t sent_at_ns; /* 0: free. */
  uint16_t id;
};

/* A socket and its share of the window. */
struct channel {
  int fd, slot_count, free_count;
  uint16_t free[SLOTS_MAX];
  struct slot slots[SLOTS_MAX];
};

struct stream {
  const char *names, *prefix, *zone;
  long count, window, socket_count, batch;
  double rate; /* Queries a second at most; 0 for as many as the window lets through. */
  bool once;
  struct queries queries;
  uint32_t next;
  uint64_t start_ns;
  struct channel *channels;
  long first_channel;
  uint64_t skipped, sent, answered, lost, late, refused, unexpected, rcodes[16], reply_bytes, last_answer_at_ns;
  struct histogram latencies;
};

static inline int outstanding(const struct channel *channel) { return channel->slot_count - channel->free_count; }

static inline bool is_exhausted(const struct stream *stream) {
  return stream->once && stream->next == stream->queries.count;
}

/* How many queries a stream may send now, its window aside. What a full window has held up is not made up for. */
static inline uint64_t allowance(struct stream *stream, uint64_t time_ns) {
  uint64_t left = stream->once ? stream->queries.count - stream->next : BATCH_MAX;
  if (stream->rate == 0) return left;
  double due = (double)(time_ns - stream->start_ns) / (double)SECOND_NS * stream->rate - (double)stream->skipped;
  double behind = due - (double)stream->sent;
  if (behind > (double)stream->window) {
    stream->skipped += (uint64_t)behind - (uint64_t)stream->window;
    behind = (double)stream->window;
  }
  uint64_t due_now = behind > 0 ? (uint64_t)behind : 0;
  return due_now < left ? due_now : left;
}

/* Sends as many queries as there is room for, in one batch; gives their number. */
static inline int send_batch(struct stream *stream, struct channel *channel, uint64_t limit) {
  static struct mmsghdr messages[BATCH_MAX];
  static struct iovec parts[BATCH_MAX];
  int size = channel->free_count < stream->batch ? channel->free_count : (int)stream->batch;
  if ((uint64_t)size > limit) size = (int)limit;
  if (size == 0) return 0;
  uint32_t next = stream->next;
  for (int i = 0; i < size; i++) {
    if (next == stream->queries.count) next = 0;
    const struct slot *slot = &channel->slots[channel->free[channel->free_count - 1 - i]];
    uint8_t *query = stream->queries.bytes + stream->queries.offsets[next];
    put16(query, slot->id);
    parts[i] = (struct iovec){query, stream->queries.offsets[next + 1] - stream->queries.offsets[next]};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    next++;
  }
  uint64_t time_ns = now_ns();
  int sent = sendmmsg(channel->fd, messages, (unsigned)size, MSG_DONTWAIT);
  if (sent < 0) {
    if (errno == ECONNREFUSED) stream->refused++;
    else if (errno != EAGAIN && errno != ENOBUFS) err(1, "sendmmsg");
    return 0; /* The next round tries again. */
  }
  for (int i = 0; i < sent; i++) channel->slots[channel->free[--channel->free_count]].sent_at_ns = time_ns;
  stream->sent += (unsigned)sent;
  stream->next = stream->once ? stream->next + (unsigned)sent : (stream->next + (unsigned)sent) % stream->queries.count;
  return sent;
}

/* Gives the place of a query back, with the id for the next one. */
static inline void release(struct channel *channel, struct slot *slot) {
  slot->sent_at_ns = 0;
  slot->id += SLOTS_MAX;
  channel->free[channel->free_count++] = (uint16_t)(slot - channel->slots);
}

/* What matches no query that waits is late, or a second answer to it. */
static inline void take_answer(struct stream *stream, struct channel *channel, const uint8_t *header, uint64_t time_ns) {
  unsigned id = (unsigned)header[0] << 8 | header[1], flags = (unsigned)header[2] << 8 | header[3];
  struct slot *slot = &channel->slots[id & (SLOTS_MAX - 1)];
  if ((int)(id & (SLOTS_MAX - 1)) >= channel->slot_count || slot->id != id || slot->sent_at_ns == 0) {
    stream->late++;
    return;
  }
  record(&stream->latencies, time_ns - slot->sent_at_ns);
  release(channel, slot);
  stream->answered++;
  stream->rcodes[flags & RCODE]++;
  bool has_answer = header[6] != 0 || header[7] != 0;
  if ((flags & QR_OPCODE_TC) != QR || (flags & RCODE) != 0 || !has_answer) stream->unexpected++;
}

/* Takes the answers that are there, in one batch; gives their number. */
static inline int receive_batch(struct stream *stream, struct channel *channel) {
  static struct mmsghdr messages[BATCH_MAX];
  static struct iovec parts[BATCH_MAX];
  static uint8_t headers[BATCH_MAX][HEADER_BYTES]; /* All that is looked at; MSG_TRUNC tells the whole length. */
  if (parts[0].iov_len == 0) {
    for (int i = 0; i < BATCH_MAX; i++) {
      parts[i] = (struct iovec){headers[i], HEADER_BYTES};
      messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
  }
  int received = recvmmsg(channel->fd, messages, (unsigned)stream->batch, MSG_DONTWAIT | MSG_TRUNC, NULL);
  if (received < 0) {
    if (errno == ECONNREFUSED) stream->refused++;
    else if (errno != EAGAIN && errno != EINTR) err(1, "recvmmsg");
    return 0;
  }
  uint64_t time_ns = now_ns();
  for (int i = 0; i < received; i++) {
    if (messages[i].msg_len < HEADER_BYTES) continue;
    stream->reply_bytes += messages[i].msg_len;
    take_answer(stream, channel, headers[i], time_ns);
  }
  stream->last_answer_at_ns = time_ns;
  return received;
}

/* One visit to each socket of a stream; whether anything was sent or received. */
static inline bool serve_stream(struct stream *stream, bool may_send) {
  bool progress = false;
  for (long i = 0; i < stream->socket_count; i++) {
    struct channel *channel = &stream->channels[(stream->first_channel + i) % stream->socket_count];
    if (outstanding(channel) > 0 && receive_batch(stream, channel) > 0) progress = true;
    if (!may_send || channel->free_count == 0) continue;
    uint64_t limit = allowance(stream, stream->rate > 0 ? now_ns() : 0);
    if (limit > 0 && send_batch(stream, channel, limit) > 0) progress = true;
  }
  stream->first_channel = (stream->first_channel + 1) % stream->socket_count; /* A slow rate uses all of them. */
  return progress;
}

/* Counts as lost what has waited too long; gives the number of queries that still wait. */
static inline int sweep(struct stream *stream, uint64_t time_ns, uint64_t timeout_ns) {
  int waiting = 0;
  for (int i = 0; i < stream->socket_count; i++) {
    struct channel *channel = &stream->channels[i];
    for (int j = 0; j < channel->slot_count && outstanding(channel) > 0; j++) {
      struct slot *slot = &channel->slots[j];
      if (slot->sent_at_ns == 0 || slot->sent_at_ns + timeout_ns > time_ns) continue;
      release(channel, slot);
      stream->lost++;
    }
    waiting += outstanding(channel);
  }
  return waiting;
}

static inline void open_channel(struct channel *channel, const char *address, const char *port, long slot_count) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *server;
  int error = getaddrinfo(address, port, &hints, &server);
  if (error != 0) errx(1, "%s:%s: %s", address, port, gai_strerror(error));
  channel->fd = socket(server->ai_family, SOCK_DGRAM, 0);
  if (channel->fd < 0 || connect(channel->fd, server->ai_addr, server->ai_addrlen) < 0) err(1, "connect");
  freeaddrinfo(server);
  int bytes = RECEIVE_BUFFER_BYTES; /* The answers to the whole window fit: what is lost, the server lost. */
  if (setsockopt(channel->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) {
    setsockopt(channel->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  for (long i = slot_count - 1; i >= 0; i--) {
    channel->slots[i].id = (uint16_t)i;
    channel->free[channel->free_count++] = (uint16_t)i;
  }
  channel->slot_count = (int)slot_count;
}

static inline void open_stream(struct stream *stream, const char *address, const char *port) {
  if (stream->names != NULL) read_queries(&stream->queries, stream->names);
  else make_queries(&stream->queries, stream->prefix, stream->zone, stream->count);
  if (stream->queries.count == 0) errx(1, "no names");
  if (stream->socket_count > stream->window) stream->socket_count = stream->window;
  stream->channels = calloc((size_t)stream->socket_count, sizeof *stream->channels);
  if (stream->channels == NULL) err(1, "memory for the sockets");
  for (long i = 0; i < stream->socket_count; i++) {
    bool takes_one_more = i < stream->window % stream->socket_count;
    open_channel(&stream->channels[i], address, port, stream->window / stream->socket_count + takes_one_more);
  }
}
