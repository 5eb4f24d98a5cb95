/* A load generator for DNS over UDP: keeps a window of queries outstanding, by sendmmsg and recvmmsg from one thread.
 *
 *   generator --address A --port P --seconds S [--timeout-ms 1000] [--spin] [--upstream PORT]
 *             STREAM [--and STREAM]
 *   STREAM: [--window 100] [--sockets 10] [--rate N] [--once] (--names FILE | --prefix X --zone Z --count N)
 *
 * Each stream has its own sockets, names, window and figures; a second one is a background for the first. `--rate`
 * bounds a stream to so many queries a second, `--once` asks each name once at most. It ends when the time is over or the
 * first stream has no more names, waits for what is outstanding, at most as long as a query may take, and prints one line
 * of JSON: an array with an object for each stream.
 *
 * By default it sleeps until something can be done. With --spin it polls its sockets instead and never sleeps: then the
 * time that the kernel needs to wake the generator is in no latency, and its cost for waking it is not in the CPU time
 * of the server, which does the waking. Spinning takes a whole core, so there must be nothing else on it.
 *
 * With --upstream it also answers, on that port of 127.0.0.1, the queries of the server under test: an upstream of its
 * own on the same core would take turns with the generator, and those turns would be in the latencies. */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "responder.h"
#include "stream.h"

enum { STREAMS_MAX = 2, BACKGROUND_BATCH = 16 }; /* So small that it hardly delays what is measured. */

static const uint64_t SWEEP_NS = 10000000; /* How often lost queries are looked for. */

static struct {
  const char *address, *port, *upstream_port;
  double seconds;
  uint64_t timeout_ns;
  bool spin;
  struct stream streams[STREAMS_MAX];
  int stream_count;
  struct responder *upstream;
  uint64_t end_ns, idle_ns;
} run = {.timeout_ns = 1000000000, .stream_count = 1};

/* One visit to each socket; whether anything was done. */
static bool serve_all(bool may_send) {
  bool progress = false;
  for (int i = 0; i < run.stream_count; i++) {
    progress |= serve_stream(&run.streams[i], may_send);
    if (run.upstream == NULL || respond(run.upstream, BACKGROUND_BATCH, MSG_DONTWAIT) <= 0) continue;
    now_ns();
    progress = true;
  }
  return progress;
}

/* How long a stream with a rate must wait for its next query. */
static uint64_t until_due_ns(const struct stream *stream, uint64_t time_ns) {
  bool has_room = false;
  for (long i = 0; i < stream->socket_count; i++) has_room |= stream->channels[i].free_count > 0;
  if (!has_room || stream->rate == 0 || is_exhausted(stream)) return SWEEP_NS;
  double number = (double)(stream->sent + stream->skipped + 1);
  uint64_t due_ns = stream->start_ns + (uint64_t)(number / stream->rate * (double)SECOND_NS);
  return due_ns > time_ns ? due_ns - time_ns : 0;
}

/* Sleeps until something arrives or a query is due. */
static void wait_for_work(uint64_t time_ns, bool may_send) {
  struct pollfd watched[STREAMS_MAX * SOCKETS_MAX + 1];
  nfds_t count = 0;
  uint64_t wait_ns = SWEEP_NS;
  for (int s = 0; s < run.stream_count; s++) {
    const struct stream *stream = &run.streams[s];
    for (long i = 0; i < stream->socket_count; i++) {
      watched[count++] = (struct pollfd){.fd = stream->channels[i].fd, .events = POLLIN};
    }
    uint64_t due_ns = may_send ? until_due_ns(stream, time_ns) : SWEEP_NS;
    if (due_ns < wait_ns) wait_ns = due_ns;
  }
  if (run.upstream != NULL) watched[count++] = (struct pollfd){.fd = run.upstream->fd, .events = POLLIN};
  struct timespec timeout = {.tv_nsec = (long)wait_ns};
  if (ppoll(watched, count, &timeout, NULL) < 0 && errno != EINTR) err(1, "ppoll");
}

/* Gives the number of queries that still wait for an answer. */
static int sweep_all(uint64_t time_ns) {
  int waiting = 0;
  for (int i = 0; i < run.stream_count; i++) waiting += sweep(&run.streams[i], time_ns, run.timeout_ns);
  return waiting;
}

static void serve(uint64_t time_ns) {
  uint64_t swept_at_ns = time_ns;
  for (;;) {
    bool may_send = time_ns < run.end_ns && !is_exhausted(&run.streams[0]);
    uint64_t before_ns = time_ns, stalled_ns = now.stalled_ns;
    bool progress = serve_all(may_send);
    time_ns = now_ns();
    if (time_ns - swept_at_ns >= SWEEP_NS || (!may_send && !progress)) {
      swept_at_ns = time_ns;
      if (sweep_all(time_ns) == 0 && !may_send) return;
    }
    if (progress) continue;
    if (!run.spin) {
      wait_for_work(time_ns, may_send);
      time_ns = awake_at_ns();
    }
    if (may_send && now.stalled_ns == stalled_ns) run.idle_ns += time_ns - before_ns;
  }
}

static void print_latencies(const struct histogram *latencies) {
  static const struct {
    const char *name;
    double share;
  } percentiles[] = {{"p50Us", 0.5}, {"p99Us", 0.99}, {"p999Us", 0.999}};
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++) {
    printf(",\"%s\":%.3f", percentiles[i].name, percentile_ns(latencies, percentiles[i].share) / 1e3);
  }
  double count = (double)(latencies->count > 0 ? latencies->count : 1);
  printf(",\"maxUs\":%.3f,\"meanUs\":%.3f", (double)latencies->max_ns / 1e3, (double)latencies->sum_ns / count / 1e3);
}

static void print_stream(const struct stream *stream) {
  double span_ns = (double)(stream->last_answer_at_ns - stream->start_ns);
  double span_seconds = stream->answered > 0 ? span_ns / 1e9 : run.seconds;
  double reply_bytes = stream->answered > 0 ? (double)stream->reply_bytes / (double)stream->answered : 0;
  printf("{\"sent\":%lu,\"answered\":%lu,\"lost\":%lu,\"late\":%lu,\"refused\":%lu,\"unexpected\":%lu", stream->sent,
         stream->answered, stream->lost, stream->late, stream->refused, stream->unexpected);
  const char *separator = ",\"rcodes\":{";
  for (int i = 0; i < 16; i++) {
    if (i > 0 && stream->rcodes[i] == 0) continue;
    printf("%s\"%d\":%lu", separator, i, stream->rcodes[i]);
    separator = ",";
  }
  printf("},\"seconds\":%.6f,\"answersPerSecond\":%.1f", span_seconds, (double)stream->answered / span_seconds);
  print_latencies(&stream->latencies);
  printf(",\"replyBytes\":%.1f,\"idleShare\":%.4f,\"stalledShare\":%.4f,\"exhausted\":%s}", reply_bytes,
         (double)run.idle_ns / 1e9 / run.seconds, (double)now.stalled_ns / 1e9 / run.seconds,
         is_exhausted(stream) ? "true" : "false");
}

static void read_options(int argc, char **argv) {
  static const struct option options[] = {
      {"address", required_argument, 0, 'a'},  {"port", required_argument, 0, 'p'},
      {"seconds", required_argument, 0, 's'},  {"timeout-ms", required_argument, 0, 't'},
      {"upstream", required_argument, 0, 'u'}, {"spin", no_argument, 0, 'S'},
      {"and", no_argument, 0, '+'},            {"window", required_argument, 0, 'w'},
      {"sockets", required_argument, 0, 'k'},  {"rate", required_argument, 0, 'r'},
      {"once", no_argument, 0, 'o'},           {"names", required_argument, 0, 'f'},
      {"prefix", required_argument, 0, 'x'},   {"zone", required_argument, 0, 'z'},
      {"count", required_argument, 0, 'n'},    {0, 0, 0, 0},
  };
  struct stream *stream = run.streams;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
      case 'a': run.address = optarg; break;
      case 'p': run.port = optarg; break;
      case 's': run.seconds = atof(optarg); break;
      case 't': run.timeout_ns = strtoul(optarg, NULL, 10) * 1000000; break;
      case 'u': run.upstream_port = optarg; break;
      case 'S': run.spin = true; break;
      case '+':
        if (run.stream_count == STREAMS_MAX) errx(2, "%d streams at most", STREAMS_MAX);
        stream = &run.streams[run.stream_count++];
        break;
      case 'w': stream->window = atol(optarg); break;
      case 'k': stream->socket_count = atol(optarg); break;
      case 'r': stream->rate = atof(optarg); break;
      case 'o': stream->once = true; break;
      case 'f': stream->names = optarg; break;
      case 'x': stream->prefix = optarg; break;
      case 'z': stream->zone = optarg; break;
      case 'n': stream->count = atol(optarg); break;
      default: exit(2);
    }
  }
  if (optind < argc) errx(2, "unexpected %s", argv[optind]);
}

static void check_options(void) {
  if (run.address == NULL || run.port == NULL) errx(2, "--address and --port are needed");
  if (!(run.seconds > 0 && run.seconds <= 600)) errx(2, "--seconds must be above 0 and at most 600");
  if (run.timeout_ns == 0 || run.timeout_ns > 60 * SECOND_NS) errx(2, "--timeout-ms must be 1..60000");
  for (int i = 0; i < run.stream_count; i++) {
    const struct stream *stream = &run.streams[i];
    if (stream->socket_count < 1 || stream->socket_count > SOCKETS_MAX) errx(2, "--sockets must be 1..%d", SOCKETS_MAX);
    if (stream->window < 1 || stream->window > stream->socket_count * SLOTS_MAX) {
      errx(2, "--window must be 1..%d for each socket", SLOTS_MAX);
    }
    bool is_generated = stream->prefix != NULL && stream->zone != NULL && stream->count > 0;
    if ((stream->names != NULL) == is_generated) errx(2, "--names, or --prefix, --zone and --count are needed");
  }
}

int main(int argc, char **argv) {
  for (int i = 0; i < STREAMS_MAX; i++) {
    run.streams[i] = (struct stream){.window = 100, .socket_count = 10, .batch = i == 0 ? BATCH_MAX : BACKGROUND_BATCH};
  }
  read_options(argc, argv);
  check_options();
  prctl(PR_SET_TIMERSLACK, 1); /* ns: a sleep ends when it is due. */
  if (run.upstream_port != NULL) run.upstream = open_responder("127.0.0.1", run.upstream_port);
  for (int i = 0; i < run.stream_count; i++) open_stream(&run.streams[i], run.address, run.port);
  alarm((unsigned)(run.seconds + (double)run.timeout_ns / 1e9) + 10); /* Whatever happens, it ends. */
  uint64_t start_ns = awake_at_ns();
  for (int i = 0; i < run.stream_count; i++) run.streams[i].start_ns = start_ns;
  run.end_ns = start_ns + (uint64_t)(run.seconds * (double)SECOND_NS);
  serve(start_ns);
  for (int i = 0; i < run.stream_count; i++) {
    printf("%s", i == 0 ? "[" : ",");
    print_stream(&run.streams[i]);
  }
  printf("]\n");
  return 0;
}
