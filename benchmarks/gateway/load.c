/* A load client that does not hide the server: many websockets (or polling readers) on one epoll loop.
 *
 *   load PORT CONNECTIONS MODE [SCANS]
 *
 * MODE  socketio     join /ws and listen            subscribe   the same, then subscribe to one scan
 *       all          the same, then to every scan   raw         a bare websocket (the floor)
 *       poll         keep-alive GET of one scan
 * SCANS is a file with one scan id a line; connection i watches scan i modulo their number.
 *
 * Commands come on standard input, one a line; each is answered with one line of JSON:
 *   connect PARALLEL           open every connection; the answer says how long that took
 *   reset                      forget what was counted
 *   wait MARKS TIMEOUT_MS      read until MARKS end marks were seen; the answer has every count
 *   poll INTERVAL_MS FOR_MS    read every scan once in each interval, evenly spread; the answer has every count
 *
 * An event's message is "@NANOSECONDS" of the monotonic clock when it was emitted, and the last of a series carries
 * "!" behind it: the end mark.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ID 36
#define MAX_SAMPLES 2000000
#define READ_SIZE (1 << 18)

enum mode { SOCKETIO, SUBSCRIBE, ALL, RAW, POLL };
enum state { IDLE, CONNECTING, UPGRADING, OPENING, JOINING, SUBSCRIBING, READY, LOST };

struct connection {
    int fd;
    enum state state;
    char *pending; /* an incomplete frame or response */
    size_t length, capacity;
    const char *scan;
};

static struct {
    long events, useful, marks, lost, requests, samples;
    long long bytes_in, bytes_out, last_ns;
} count;

static struct connection *connections;
static int total, epoll, port, ready, opened;
static enum mode mode;
static char (*scans)[ID + 1];
static int scan_count;
static float *latencies_ms;
static char buffer[READ_SIZE];

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected answer");
    exit(1);
}

static void lose(struct connection *c) {
    if (c->state == LOST) return;
    c->state = LOST;
    count.lost++;
    close(c->fd);
}

static void send_all(struct connection *c, const void *data, size_t size) {
    if (send(c->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) lose(c); /* requests are small: they always fit */
    count.bytes_out += size;
}

/* A client's frame must be masked; the mask 0 leaves the text as it is. */
static void send_text(struct connection *c, int opcode, const char *text) {
    unsigned char frame[1024];
    size_t size = strlen(text), head = size < 126 ? 6 : 8;
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (size < 126 ? size : 126);
    if (size >= 126) frame[2] = size >> 8, frame[3] = size & 255;
    memset(frame + head - 4, 0, 4);
    memcpy(frame + head, text, size);
    send_all(c, frame, head + size);
}

static void become_ready(struct connection *c) {
    c->state = READY;
    ready++;
}

static void ask_for_upgrade(struct connection *c) {
    char request[512];
    const char *path = mode == RAW ? "/raw" : "/socket.io/?EIO=4&transport=websocket";
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path, port);
    c->state = UPGRADING;
    send_all(c, request, size);
}

static void subscribe(struct connection *c) {
    char text[256];
    if (mode == ALL)
        snprintf(text, sizeof text, "42/ws,0[\"subscribe\",{\"all\":true}]");
    else
        snprintf(text, sizeof text, "42/ws,0[\"subscribe\",{\"scanIds\":[\"%s\"]}]", c->scan);
    c->state = SUBSCRIBING;
    send_text(c, 1, text);
}

static void read_event(struct connection *c, const char *text, size_t size) {
    static const char start[] = "42/ws,[\"scan:";
    const size_t skip = sizeof start - 1;
    if (size < skip + ID || memcmp(text, start, skip)) return;
    count.events++;
    count.last_ns = now_ns();
    if (!c->scan || !memcmp(text + skip, c->scan, ID)) count.useful++;
    const char *sent = memchr(text, '@', size);
    if (!sent) return;
    char *end;
    long long sent_ns = strtoll(sent + 1, &end, 10);
    if (*end == '!') count.marks++;
    if (count.samples < MAX_SAMPLES) latencies_ms[count.samples++] = (count.last_ns - sent_ns) / 1e6f;
}

static void read_text(struct connection *c, const char *text, size_t size) {
    if (mode == RAW || (c->state == READY && size && *text == '4')) {
        read_event(c, text, size);
    } else if (size && *text == '2') {
        send_text(c, 1, "3");
    } else if (c->state == OPENING && *text == '0') {
        c->state = JOINING;
        send_text(c, 1, mode == SUBSCRIBE || mode == ALL ? "40/ws,{\"protocol\":1}" : "40/ws,");
    } else if (c->state == JOINING && !strncmp(text, "40/ws", 5)) {
        if (mode == SUBSCRIBE || mode == ALL) subscribe(c);
        else become_ready(c);
    } else if (c->state == SUBSCRIBING && !strncmp(text, "43/ws", 5)) {
        if (!memmem(text, size < 40 ? size : 40, "\"ok\":true", 9)) lose(c);
        else become_ready(c);
    } else if (!strncmp(text, "44/ws", 5)) {
        lose(c);
    }
}

/* Bytes of the frame at data, 0 while it is incomplete. */
static size_t take_frame(struct connection *c, char *data, size_t size) {
    const unsigned char *u = (unsigned char *)data;
    if (size < 2) return 0;
    size_t head = 2, length = u[1] & 127;
    if (length == 126) {
        if (size < 4) return 0;
        length = u[2] << 8 | u[3], head = 4;
    } else if (length == 127) {
        if (size < 10) return 0;
        length = (size_t)u[6] << 24 | u[7] << 16 | u[8] << 8 | u[9], head = 10;
    }
    if (size < head + length) return 0;
    int opcode = u[0] & 15;
    if (opcode == 1) read_text(c, data + head, length);
    else if (opcode == 9) send_text(c, 10, "");
    else if (opcode == 8) lose(c);
    return head + length;
}

static size_t take_upgrade(struct connection *c, char *data, size_t size) {
    char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(data, "HTTP/1.1 101", 12)) {
        lose(c);
    } else if (mode == RAW) {
        become_ready(c);
    } else {
        c->state = OPENING;
    }
    return end + 4 - data;
}

static size_t take_response(struct connection *c, char *data, size_t size) {
    char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    char *field = strcasestr(data, "\r\nContent-Length:");
    size_t whole = end + 4 - data + (field && field < end ? strtoul(field + 17, NULL, 10) : 0);
    if (size < whole) return 0;
    if (memcmp(data, "HTTP/1.1 200", 12)) lose(c);
    count.events++;
    return whole;
}

static void take_all(struct connection *c, char *data, size_t size) {
    size_t used = 0, taken = 1;
    while (taken && used < size && c->state != LOST) {
        if (c->state == UPGRADING) taken = take_upgrade(c, data + used, size - used);
        else if (mode == POLL) taken = take_response(c, data + used, size - used);
        else taken = take_frame(c, data + used, size - used);
        used += taken;
    }
    c->length = size - used;
    if (c->length > c->capacity) c->pending = realloc(c->pending, c->capacity = c->length);
    if (c->length) memcpy(c->pending, data + used, c->length);
}

static void read_some(struct connection *c) {
    if (c->length > READ_SIZE / 2) fail("a message is larger than this client reads");
    memcpy(buffer, c->pending, c->length);
    ssize_t got = recv(c->fd, buffer + c->length, READ_SIZE - 1 - c->length, 0);
    if (got <= 0) {
        if (!got || (errno != EAGAIN && errno != EINTR)) lose(c);
        return;
    }
    count.bytes_in += got;
    buffer[c->length + got] = 0;
    take_all(c, buffer, c->length + got);
}

static void turn(int timeout_ms) {
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state == CONNECTING) {
            struct epoll_event watch = {.events = EPOLLIN, .data.ptr = c};
            epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &watch);
            if (mode == POLL) become_ready(c);
            else ask_for_upgrade(c);
        } else if (c->state != LOST) {
            read_some(c);
        }
    }
}

static void open_connection(struct connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail("connect");
    struct epoll_event watch = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &watch);
    c->state = CONNECTING;
    opened++;
}

static void connect_all(int parallel) {
    long long begun = now_ns(), limit = begun + 120000000000LL;
    while (ready < total) {
        while (opened < total && opened - ready < parallel) open_connection(&connections[opened]);
        turn(100);
        if (count.lost) errno = 0, fail("a connection was refused or lost");
        if (now_ns() > limit) errno = ETIMEDOUT, fail("connecting");
    }
    printf("{\"connections\": %d, \"seconds\": %.6f, \"bytes_in\": %lld, \"bytes_out\": %lld}\n", ready,
           (now_ns() - begun) / 1e9, count.bytes_in, count.bytes_out);
}

static int by_size(const void *a, const void *b) {
    float x = *(float *)a, y = *(float *)b;
    return (x > y) - (x < y);
}

static double quantile(double q) { return count.samples ? latencies_ms[(long)(q * (count.samples - 1))] : 0; }

static void report(long long begun) {
    qsort(latencies_ms, count.samples, sizeof *latencies_ms, by_size);
    printf("{\"events\": %ld, \"useful\": %ld, \"marks\": %ld, \"lost\": %ld, \"requests\": %ld, \"bytes_in\": %lld, "
           "\"bytes_out\": %lld, \"seconds\": %.6f, \"last_ns\": %lld, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"worst_ms\": %.3f}\n",
           count.events, count.useful, count.marks, count.lost, count.requests, count.bytes_in, count.bytes_out,
           ((count.last_ns ? count.last_ns : now_ns()) - begun) / 1e9, count.last_ns, quantile(0.5), quantile(0.99), quantile(1));
}

static void wait_for_marks(long marks, long timeout_ms) {
    long long begun = now_ns(), limit = begun + timeout_ms * 1000000LL;
    /* Without sleeping: else the server's sends would pay for waking this process, which a network's would not. */
    while (count.marks < marks && now_ns() < limit) turn(0);
    report(begun);
}

/* What a browser's fetch sends. */
static const char browser[] =
    "Connection: keep-alive\r\nsec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n"
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n";

static void poll_all(long interval_ms, long for_ms) {
    long long begun = now_ns(), gap = interval_ms * 1000000LL / total;
    long wanted = total * for_ms / interval_ms;
    char request[1024];
    while (count.requests < wanted) {
        long long due = begun + count.requests * gap - now_ns();
        if (due > 0) {
            turn(due / 1000000 + 1);
            continue;
        }
        struct connection *c = &connections[count.requests++ % total];
        int size = snprintf(request, sizeof request,
                            "GET /api/v1/scans/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n%s\r\n", c->scan, port,
                            browser);
        send_all(c, request, size);
    }
    while (count.events < wanted && !count.lost) turn(50);
    report(begun);
}

static void read_scans(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    scans = calloc(total, sizeof *scans);
    while (scan_count < total && fscanf(file, "%36s", scans[scan_count]) == 1) scan_count++;
    fclose(file);
}

static enum mode mode_named(const char *name) {
    const char *names[] = {"socketio", "subscribe", "all", "raw", "poll"};
    for (int i = 0; i < 5; i++)
        if (!strcmp(name, names[i])) return i;
    errno = EINVAL;
    fail(name);
    return 0;
}

static void obey(const char *line) {
    long a = 0, b = 0;
    if (sscanf(line, "connect %ld", &a) == 1) connect_all(a);
    else if (sscanf(line, "wait %ld %ld", &a, &b) == 2) wait_for_marks(a, b);
    else if (sscanf(line, "poll %ld %ld", &a, &b) == 2) poll_all(a, b);
    else if (!strncmp(line, "reset", 5)) memset(&count, 0, sizeof count), printf("{}\n");
    else errno = EINVAL, fail(line);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody else would end a series */
    port = atoi(argv[1]);
    total = atoi(argv[2]);
    mode = mode_named(argv[3]);
    if (argc > 4) read_scans(argv[4]);
    connections = calloc(total, sizeof *connections);
    latencies_ms = malloc(MAX_SAMPLES * sizeof *latencies_ms);
    for (int i = 0; i < total; i++) connections[i].scan = scan_count ? scans[i % scan_count] : NULL;
    epoll = epoll_create1(0);
    /* Standard input is read only between series: while nothing is asked the sockets are served from here too. */
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    char line[256];
    for (;;) {
        ssize_t got = read(0, line, sizeof line - 1);
        if (!got) return 0;
        if (got > 0) line[got] = 0, obey(line);
        else turn(5);
    }
}
