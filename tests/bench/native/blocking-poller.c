/*
 * The anchor of the agent's cost: what the kernel alone asks for one poll of one cgminer device.
 *
 *   blocking-poller PORT POLLS DEVICES
 *
 * Asks 127.1.0.1, 127.1.0.2 … in turn: connect, send {"command":"stats"}, receive to the end, close. One thread,
 * one device at a time; reads nothing of what it receives. Prints processor microseconds a poll.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char REQUEST[] = "{\"command\":\"stats\"}";

static double microseconds(struct timeval time) { return time.tv_sec * 1e6 + time.tv_usec; }

int main(int count, char **words) {
	if (count < 4) { fprintf(stderr, "blocking-poller PORT POLLS DEVICES\n"); return 64; }
	int polls = atoi(words[2]), devices = atoi(words[3]), yes = 1;
	static char answer[262144];
	for (int poll = 0; poll < polls; poll++) {
		struct sockaddr_in device = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1])) };
		int number = poll % devices;
		device.sin_addr.s_addr = htonl(0x7f010001u + (unsigned)(number / 250 * 256 + number % 250));
		int line = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
		if (connect(line, (struct sockaddr *)&device, sizeof device)) { perror("connect"); return 1; }
		if (send(line, REQUEST, sizeof REQUEST - 1, 0) < 0) { perror("send"); return 1; }
		ssize_t got, all = 0;
		while ((got = recv(line, answer, sizeof answer, 0)) > 0) all += got;
		close(line);
		if (all == 0) { fprintf(stderr, "no answer\n"); return 1; }
	}
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("%.3f\n", (microseconds(used.ru_utime) + microseconds(used.ru_stime)) / polls);
	return 0;
}
