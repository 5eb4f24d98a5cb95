/* A UDP socket that gives every query an answer: takes queries by recvmmsg, sends the answers by sendmmsg. */
#pragma once
#define _GNU_SOURCE
#include <err.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "answer.h"

enum { RESPONDER_BATCH = 64, RESPONDER_QUERY_BYTES = 512, RESPONDER_RECEIVE_BUFFER_BYTES = 4 << 20 };

struct responder {
  int fd;
  uint8_t packets[RESPONDER_BATCH][RESPONDER_QUERY_BYTES + sizeof ANSWER_RECORD];
  struct sockaddr_storage clients[RESPONDER_BATCH];
  struct iovec parts[RESPONDER_BATCH];
  struct mmsghdr messages[RESPONDER_BATCH];
};

static inline struct responder *open_responder(const char *address, const char *port) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *local;
  int error = getaddrinfo(address, port, &hints, &local);
  if (error != 0) errx(1, "%s:%s: %s", address, port, gai_strerror(error));
  struct responder *responder = calloc(1, sizeof *responder);
  if (responder == NULL) err(1, "memory for a socket");
  int fd = responder->fd = socket(local->ai_family, SOCK_DGRAM, 0), on = 1, bytes = RESPONDER_RECEIVE_BUFFER_BYTES;
  if (fd < 0) err(1, "socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  if (bind(fd, local->ai_addr, local->ai_addrlen) < 0) err(1, "bind %s:%s", address, port);
  freeaddrinfo(local);
  for (int i = 0; i < RESPONDER_BATCH; i++) {
    responder->parts[i].iov_base = responder->packets[i];
    responder->messages[i].msg_hdr =
        (struct msghdr){.msg_name = &responder->clients[i], .msg_iov = &responder->parts[i], .msg_iovlen = 1};
  }
  return responder;
}

/* Answers what has arrived, `limit` queries at most; `flags` say whether to wait for the first. Gives their number. */
static inline int respond(struct responder *responder, unsigned limit, int flags) {
  struct mmsghdr *messages = responder->messages;
  for (unsigned i = 0; i < limit; i++) {
    messages[i].msg_hdr.msg_iov->iov_len = RESPONDER_QUERY_BYTES;
    messages[i].msg_hdr.msg_namelen = sizeof *responder->clients;
  }
  int received = recvmmsg(responder->fd, messages, limit, flags, NULL), count = 0;
  for (int i = 0; i < received; i++) {
    struct iovec *part = messages[i].msg_hdr.msg_iov;
    part->iov_len = make_answer(part->iov_base, messages[i].msg_len);
    if (part->iov_len == 0) continue;
    if (count != i) { /* Closes the gap, and keeps the buffers of both for the next batch. */
      struct mmsghdr unanswered = messages[count];
      messages[count] = messages[i];
      messages[i] = unanswered;
    }
    count++;
  }
  for (int sent = 0; sent < count;) {
    int result = sendmmsg(responder->fd, messages + sent, (unsigned)(count - sent), 0);
    sent += result > 0 ? result : 1; /* What the kernel does not take is lost, as with any server. */
  }
  return received;
}
