/* Asks a DNS server over UDP at a steady rate and keeps account of every query: when it was sent, when it was answered.
 *
 *   udp-load --address A --port P --rate N --seconds S [--timeout-ms 2000] [--sockets N]
 *            --ttl N --prefix X --zone Z --count N
 *
 * Each query comes from a new socket, as from a pod: a flow that conntrack has not seen. With --sockets N, N sockets take
 * turns and live as long as the program. The names are `PREFIX-0.ZONE` … in turn. An answer whose TTL is below --ttl, that
 * of the authority, comes from a cache. It ends after S seconds or with SIGTERM,
 * waits for what is outstanding, at most as long as a query may take, and prints one line of JSON. Times are
 * nanoseconds of CLOCK_MONOTONIC, which all programs of the machine share. Unlike bench/generator.c it has no window: a
 * server that stops answering does not make it ask less. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../bench/queries.h"

enum { BATCH_MAX = 64, SOCKETS_MAX = 4096, RECEIVE_BUFFER_BYTES = 4 << 20, ID_COUNT = 1 << 16 };
enum { RCODE = 0x000f, QR = 0x8000, RESPONSE_BYTES_MAX = 512 };
/* Of a record whose owner name is a pointer to the question. */
enum { POINTER = 0xc0, TTL_OFFSET = 6, RECORD_BYTES_MIN = 12 };

static const uint64_t SECOND_NS = 1000000000;

struct query {
  uint64_t sent_at_ns, answered_at_ns;
  int fd; /* Of its own, while it is open; -1 otherwise. */
  bool refused, unexpected, cached;
};

static struct {
  const char *address, *port, *prefix, *zone;
  double rate, seconds;
  uint64_t timeout_ns;
  long socket_count, name_count;
  uint32_t authority_ttl;
  struct addrinfo *server;
  struct queries names;
  struct query *queries;
  size_t sent, capacity, oldest; /* All queries before the oldest have no socket any more. */
  uint64_t failed_sends, start_ns;
  int epoll, sockets[SOCKETS_MAX];
} load = {.timeout_ns = 2000000000, .name_count = 1};

static volatile sig_atomic_t stopped;

static void stop(int signal) { stopped = signal; }

static uint64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

static int open_socket(uint64_t key) {
  int fd = socket(load.server->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, load.server->ai_addr, load.server->ai_addrlen) < 0) err(1, "socket");
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};
  if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, fd, &event) < 0) err(1, "epoll_ctl");
  return fd;
}

static void close_own(struct query *query) {
  if (query->fd >= 0) close(query->fd);
  query->fd = -1;
}

static void send_query(void) {
  size_t number = load.sent++;
  struct query *query = &load.queries[number];
  *query = (struct query){.fd = load.socket_count > 0 ? -1 : open_socket(number)};
  int fd = load.socket_count > 0 ? load.sockets[number % (size_t)load.socket_count] : query->fd;
  size_t turn = load.socket_count > 0 ? number / (size_t)load.socket_count : number;
  uint32_t name = (uint32_t)(number % load.names.count);
  uint8_t *bytes = load.names.bytes + load.names.offsets[name];
  put16(bytes, turn % ID_COUNT);
  query->sent_at_ns = clock_ns();
  size_t length = load.names.offsets[name + 1] - load.names.offsets[name];
  if (send(fd, bytes, length, 0) >= 0) return;
  if (errno == ECONNREFUSED && send(fd, bytes, length, 0) >= 0) return; /* That was about an earlier query. */
  load.failed_sends++;
}

/* Whether it is what the authority has, an address, and if so whether from a cache. */
static void judge(struct query *query, const uint8_t *response, size_t length) {
  unsigned flags = (unsigned)response[2] << 8 | response[3];
  uint32_t name = (uint32_t)((size_t)(query - load.queries) % load.names.count);
  size_t question_end = load.names.offsets[name + 1] - load.names.offsets[name];
  const uint8_t *record = response + question_end;
  query->unexpected = (flags & QR) == 0 || (flags & RCODE) != 0 || (response[6] == 0 && response[7] == 0) ||
                      length < question_end + RECORD_BYTES_MIN || record[0] < POINTER;
  if (query->unexpected) return;
  const uint8_t *ttl = record + TTL_OFFSET;
  query->cached = ((uint32_t)ttl[0] << 24 | (uint32_t)ttl[1] << 16 | (uint32_t)ttl[2] << 8 | ttl[3]) < load.authority_ttl;
}

/* The latest query from that socket which has this id. */
static struct query *find(size_t key, unsigned id) {
  if (load.socket_count == 0) return key % ID_COUNT == id ? &load.queries[key] : NULL;
  size_t count = (size_t)load.socket_count;
  if (load.sent <= key) return NULL;
  size_t last_turn = (load.sent - 1 - key) / count;
  size_t back = (last_turn - id) % ID_COUNT;
  return back > last_turn ? NULL : &load.queries[(last_turn - back) * count + key];
}

static void take_answers(size_t key) {
  int fd = load.socket_count > 0 ? load.sockets[key] : load.queries[key].fd;
  uint8_t response[RESPONSE_BYTES_MAX];
  ssize_t length;
  while (fd >= 0 && ((length = recv(fd, response, sizeof response, 0)) >= 0 || errno == ECONNREFUSED)) {
    if (length < 0) { /* Nobody listens there: which of a lasting socket's queries it was is not told. */
      if (load.socket_count == 0) load.queries[key].refused = true;
      continue;
    }
    struct query *query = length < HEADER_BYTES ? NULL : find(key, (unsigned)response[0] << 8 | response[1]);
    if (query == NULL || query->answered_at_ns != 0) continue;
    query->answered_at_ns = clock_ns();
    judge(query, response, (size_t)length);
    if (query->fd < 0) continue;
    close_own(query);
    return;
  }
}

/* Sleeps until `until_ns` or the first answer. */
static void receive(uint64_t until_ns) {
  struct epoll_event events[BATCH_MAX];
  uint64_t time_ns = clock_ns(), wait_ns = until_ns > time_ns ? until_ns - time_ns : 0;
  struct timespec timeout = {.tv_sec = (time_t)(wait_ns / SECOND_NS), .tv_nsec = (long)(wait_ns % SECOND_NS)};
  int count = epoll_pwait2(load.epoll, events, BATCH_MAX, &timeout, NULL);
  if (count < 0 && errno != EINTR) err(1, "epoll_pwait2");
  for (int i = 0; i < count; i++) take_answers((size_t)events[i].data.u64);
}

/* Closes the sockets of queries that have waited too long; whether any still waits. */
static bool expire(uint64_t time_ns) {
  for (; load.oldest < load.sent; load.oldest++) {
    struct query *query = &load.queries[load.oldest];
    if (query->answered_at_ns == 0 && query->sent_at_ns + load.timeout_ns > time_ns) return true;
    close_own(query);
  }
  return false;
}

static void serve(void) {
  load.start_ns = clock_ns();
  uint64_t interval_ns = (uint64_t)((double)SECOND_NS / load.rate);
  while (!stopped && load.sent < load.capacity) {
    uint64_t due_ns = load.start_ns + (uint64_t)((double)load.sent / load.rate * (double)SECOND_NS);
    if (clock_ns() >= due_ns) {
      send_query();
      if (load.sent % BATCH_MAX != 0) continue;
      due_ns = 0; /* A backlog must not keep the answers waiting. */
    }
    receive(due_ns);
    expire(clock_ns());
  }
  while (expire(clock_ns())) receive(clock_ns() + (interval_ns < 10000000 ? 10000000 : interval_ns));
}

static bool is_lost(const struct query *query) {
  return query->answered_at_ns == 0 || query->answered_at_ns - query->sent_at_ns > load.timeout_ns;
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void print_times(const char *name, bool (*has)(const struct query *)) {
  const char *separator = "";
  printf(",\"%s\":[", name);
  for (size_t i = 0; i < load.sent; i++) {
    if (!has(&load.queries[i])) continue;
    printf("%s%lu", separator, load.queries[i].sent_at_ns);
    separator = ",";
  }
  printf("]");
}

/* In periods of 100 ms by the time of sending: sent, lost, answered from a cache. */
static void print_periods(void) {
  const uint64_t period_ns = SECOND_NS / 10;
  printf(",\"periods\":[");
  for (size_t i = 0, period = 0; i < load.sent; period++) {
    uint64_t from_ns = load.start_ns + period * period_ns;
    unsigned long sent = 0, lost = 0, cached = 0;
    for (; i < load.sent && load.queries[i].sent_at_ns < from_ns + period_ns; i++, sent++) {
      lost += is_lost(&load.queries[i]);
      cached += load.queries[i].cached;
    }
    printf("%s[%lu,%lu,%lu,%lu]", period == 0 ? "" : ",", from_ns, sent, lost, cached);
  }
  printf("]");
}

static void print_result(void) {
  uint64_t *latencies = malloc((load.sent + 1) * sizeof *latencies);
  if (latencies == NULL) err(1, "memory for the latencies");
  size_t answered = 0, refused = 0, unexpected = 0, cached = 0;
  for (size_t i = 0; i < load.sent; i++) {
    const struct query *query = &load.queries[i];
    refused += query->refused;
    unexpected += query->unexpected;
    cached += query->cached;
    if (!is_lost(query)) latencies[answered++] = query->answered_at_ns - query->sent_at_ns;
  }
  qsort(latencies, answered, sizeof *latencies, by_value);
  size_t last = answered > 0 ? answered - 1 : 0;
  if (answered == 0) latencies[0] = 0;
  printf("{\"sent\":%zu,\"answered\":%zu,\"lost\":%zu,\"refused\":%zu,\"unexpected\":%zu,\"cached\":%zu", load.sent,
         answered, load.sent - answered, refused, unexpected, cached);
  printf(",\"failedSends\":%lu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"maxUs\":%.1f", load.failed_sends,
         (double)latencies[last / 2] / 1e3, (double)latencies[last * 99 / 100] / 1e3, (double)latencies[last] / 1e3);
  print_times("lostAtNs", is_lost);
  print_periods();
  printf("}\n");
}

static void read_options(int argc, char **argv) {
  static const struct option options[] = {
      {"address", required_argument, 0, 'a'}, {"port", required_argument, 0, 'p'},
      {"rate", required_argument, 0, 'r'},    {"seconds", required_argument, 0, 's'},
      {"sockets", required_argument, 0, 'k'}, {"timeout-ms", required_argument, 0, 't'},
      {"prefix", required_argument, 0, 'x'},  {"zone", required_argument, 0, 'z'},
      {"count", required_argument, 0, 'n'},   {"ttl", required_argument, 0, 'l'},
      {0, 0, 0, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
      case 'a': load.address = optarg; break;
      case 'p': load.port = optarg; break;
      case 'r': load.rate = atof(optarg); break;
      case 's': load.seconds = atof(optarg); break;
      case 'k': load.socket_count = atol(optarg); break;
      case 't': load.timeout_ns = strtoul(optarg, NULL, 10) * 1000000; break;
      case 'x': load.prefix = optarg; break;
      case 'z': load.zone = optarg; break;
      case 'l': load.authority_ttl = (uint32_t)strtoul(optarg, NULL, 10); break;
      case 'n': load.name_count = atol(optarg); break;
      default: exit(2);
    }
  }
  if (optind < argc) errx(2, "unexpected %s", argv[optind]);
  if (!load.address || !load.port || !load.prefix || !load.zone) errx(2, "--address, --port, --prefix, --zone are needed");
  if (!(load.rate >= 1 && load.rate <= 1e6)) errx(2, "--rate must be 1..1000000");
  if (!(load.seconds > 0 && load.seconds <= 600)) errx(2, "--seconds must be above 0 and at most 600");
  if (load.socket_count < 0 || load.socket_count > SOCKETS_MAX) errx(2, "--sockets must be 0..%d", SOCKETS_MAX);
}

static void set_up(void) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
  int error = getaddrinfo(load.address, load.port, &hints, &load.server);
  if (error != 0) errx(1, "%s:%s: %s", load.address, load.port, gai_strerror(error));
  make_queries(&load.names, load.prefix, load.zone, load.name_count);
  load.capacity = (size_t)(load.rate * load.seconds);
  load.queries = calloc(load.capacity + 1, sizeof *load.queries);
  if (load.queries == NULL) err(1, "memory for the queries");
  load.epoll = epoll_create1(0);
  /* Unanswered queries keep their sockets until they are lost. */
  struct rlimit files = {1 << 20, 1 << 20};
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  for (long i = 0; i < load.socket_count; i++) {
    load.sockets[i] = open_socket((uint64_t)i);
    int bytes = RECEIVE_BUFFER_BYTES;
    setsockopt(load.sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  set_up();
  prctl(PR_SET_TIMERSLACK, 1); /* ns: a sleep ends when it is due. */
  signal(SIGTERM, stop);
  alarm((unsigned)(load.seconds + (double)load.timeout_ns / 1e9) + 30); /* Whatever happens, it ends. */
  fprintf(stderr, "asking\n");
  serve();
  print_result();
  return 0;
}
