/* Looks up each argument as a program would, and prints one line: the name and its addresses, or the error.
 * Built with gcc (glibc) and with musl-gcc (musl): two resolvers with habits of their own. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  for (int i = 1; i < argc; i++) {
    struct addrinfo *list = NULL;
    int error = getaddrinfo(argv[i], NULL, &hints, &list);
    printf("%s", argv[i]);
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
