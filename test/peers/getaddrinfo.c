/* Looks up each argument as a program would, and prints one line: the name and its addresses, or the error. With
 * --pace MS before the names it pauses so long before each, and puts the microseconds of the look-up behind it. Built with gcc (glibc) and with musl-gcc (musl): two resolvers with habits of their own. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  int is_paced = argc > 2 && strcmp(argv[1], "--pace") == 0;
  for (int i = is_paced ? 3 : 1; i < argc; i++) {
    if (is_paced) usleep((useconds_t)atoi(argv[2]) * 1000);
    struct addrinfo *list = NULL;
    long long start_us = now_us();
    int error = getaddrinfo(argv[i], NULL, &hints, &list);
    long long took_us = now_us() - start_us;
    printf("%s", argv[i]);
    if (is_paced) printf(" %lld", took_us);
    if (error != 0) printf(" %s", error == EAI_NONAME ? "EAI_NONAME" : error == EAI_AGAIN ? "EAI_AGAIN" : gai_strerror(error));
    for (struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
      char text[INET6_ADDRSTRLEN] = "";
      const void *address = entry->ai_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)entry->ai_addr)->sin6_addr
                                                         : (void *)&((struct sockaddr_in *)entry->ai_addr)->sin_addr;
      inet_ntop(entry->ai_family, address, text, sizeof text);
      printf(" %s", text);
    }
    printf("\n");
    if (list != NULL) freeaddrinfo(list);
  }
  return 0;
}
