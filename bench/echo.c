/* The limit of what a program in user space can do, which looks nothing up. One thread.
 *
 *   echo PORT ADDRESS... */
#define _GNU_SOURCE
#include <poll.h>

#include "responder.h"

enum { ADDRESSES_MAX = 16 };

int main(int argc, char **argv) {
  struct responder *responders[ADDRESSES_MAX];
  struct pollfd sockets[ADDRESSES_MAX];
  int count = argc - 2;
  if (count < 1 || count > ADDRESSES_MAX) errx(2, "usage: echo PORT ADDRESS... (at most %d)", ADDRESSES_MAX);
  for (int i = 0; i < count; i++) {
    responders[i] = open_responder(argv[i + 2], argv[1]);
    sockets[i] = (struct pollfd){.fd = responders[i]->fd, .events = POLLIN};
  }
  while (count == 1) respond(responders[0], RESPONDER_BATCH, MSG_WAITFORONE); /* One call less than with poll. */
  for (;;) {
    if (poll(sockets, (nfds_t)count, -1) <= 0) continue;
    for (int i = 0; i < count; i++) {
      if (sockets[i].revents != 0) respond(responders[i], RESPONDER_BATCH, MSG_DONTWAIT);
    }
  }
}
