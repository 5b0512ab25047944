/*
 * A fleet of cgminer devices on loopback, as cheap as a device can be, so that a bench measures the one who asks.
 *
 *   device-fleet PORT FOLDER [HUNG_PERCENT]
 *
 * Listens on PORT of every address of 127/8; answers a request that names a command X with the next of the
 * files FOLDER/X.0, FOLDER/X.1 …, a NUL, and closes, as firmwares do. HUNG_PERCENT of the addresses accept and
 * never answer. Prints "ready"; runs until it is killed. One thread, epoll, Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMANDS_MOST = 16, VARIANTS_MOST = 256, EVENTS_AT_ONCE = 256, REQUEST_BYTES_MOST = 4096 };

struct command {
	char name[32];
	int variants, next;
	struct { char *bytes; size_t length; } answer[VARIANTS_MOST];
};
static struct command commands[COMMANDS_MOST];
static int command_count;
static int hung_percent;

static void fail(const char *what) { perror(what); exit(1); }

static int load_variant(struct command *command, const char *folder) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s.%d", folder, command->name, command->variants);
	FILE *file = fopen(path, "rb");
	if (!file) return 0;
	fseek(file, 0, SEEK_END);
	long length = ftell(file);
	rewind(file);
	char *bytes = calloc(1, (size_t)length + 1);
	if (fread(bytes, 1, (size_t)length, file) != (size_t)length) fail(path);
	fclose(file);
	command->answer[command->variants].bytes = bytes;
	command->answer[command->variants].length = (size_t)length + 1; /* with its NUL */
	command->variants++;
	return 1;
}

static struct command *command_named(const char *name, size_t length, const char *folder) {
	for (int index = 0; index < command_count; index++)
		if (strlen(commands[index].name) == length && !memcmp(commands[index].name, name, length))
			return &commands[index];
	if (command_count == COMMANDS_MOST || length >= sizeof commands[0].name) return NULL;
	struct command *made = &commands[command_count++];
	memcpy(made->name, name, length);
	while (made->variants < VARIANTS_MOST && load_variant(made, folder)) {}
	return made;
}

/* The text of the request's last quoted word: {"command":"stats"}. */
static struct command *asked_for(char *request, ssize_t length, const char *folder) {
	char *end = memrchr(request, '"', (size_t)length);
	if (!end) return NULL;
	char *start = memrchr(request, '"', (size_t)(end - request));
	return start ? command_named(start + 1, (size_t)(end - start - 1), folder) : NULL;
}

static int is_hung(int socket) {
	struct sockaddr_in here;
	socklen_t length = sizeof here;
	if (hung_percent == 0 || getsockname(socket, (struct sockaddr *)&here, &length)) return 0;
	return ntohl(here.sin_addr.s_addr) * 2654435761u % 100 < (unsigned)hung_percent;
}

int main(int count, char **words) {
	if (count < 3) { fprintf(stderr, "device-fleet PORT FOLDER [HUNG_PERCENT]\n"); return 64; }
	hung_percent = count > 3 ? atoi(words[3]) : 0;
	signal(SIGPIPE, SIG_IGN);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])) };
	address.sin_addr.s_addr = htonl(INADDR_ANY);
	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 4096)) fail("listen");
	int loop = epoll_create1(0);
	struct epoll_event watch = { .events = EPOLLIN, .data.fd = door }, events[EVENTS_AT_ONCE];
	epoll_ctl(loop, EPOLL_CTL_ADD, door, &watch);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int ready = epoll_wait(loop, events, EVENTS_AT_ONCE, -1);
		for (int index = 0; index < ready; index++) {
			int socket = events[index].data.fd;
			if (socket == door) {
				while ((socket = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
					watch.data.fd = socket;
					epoll_ctl(loop, EPOLL_CTL_ADD, socket, &watch);
				}
				continue;
			}
			char request[REQUEST_BYTES_MOST];
			ssize_t length = recv(socket, request, sizeof request, 0);
			if (length > 0 && is_hung(socket)) continue;
			struct command *command = length > 0 ? asked_for(request, length, words[2]) : NULL;
			if (command && command->variants) {
				int variant = command->next++ % command->variants;
				send(socket, command->answer[variant].bytes, command->answer[variant].length, 0);
			}
			close(socket);
		}
	}
}
