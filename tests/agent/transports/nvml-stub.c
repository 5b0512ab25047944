/*
 * A libnvidia-ml.so.1 for tests: GPUS cards that answer by formula. The file CONTROL is read at every call that
 * asks for power; its words change what happens:
 *
 *   lost N      GPU N answers "lost" to everything
 *   reset N     GPU N answers its power and then, until the library is started anew, "reset required"
 *   absent      the driver is not loaded
 *   hang        the call does not return for ten minutes
 *   crash       the library takes its process down
 *   xid N CODE  one critical event of GPU N
 *
 * OLD leaves out what drivers before 2020 lack; VGPU answers as a guest's library does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_LOADED = 9, TIMEOUT = 10, LOST = 15, RESET = 16 };

static int is_initialised, lost = -1, reset = -1, needs_reset[GPUS], is_absent, xid_gpu = -1, xid_code;
static int devices[GPUS];

static int number(void *handle) { return (int)((int *)handle - devices); }

static void look(void) {
	char word[16];
	lost = reset = -1;
	is_absent = 0;
	FILE *file = fopen(CONTROL, "r");
	if (file == NULL) return;
	while (fscanf(file, "%15s", word) == 1) {
		if (strcmp(word, "lost") == 0 && fscanf(file, "%d", &lost) != 1) break;
		if (strcmp(word, "reset") == 0 && fscanf(file, "%d", &reset) != 1) break;
		if (strcmp(word, "xid") == 0 && fscanf(file, "%d %d", &xid_gpu, &xid_code) != 2) break;
		if (strcmp(word, "absent") == 0) is_absent = 1;
		if (strcmp(word, "hang") == 0) sleep(600);
		if (strcmp(word, "crash") == 0) abort();
	}
	fclose(file);
}

static int check(void *handle) {
	if (!is_initialised) return UNINITIALIZED;
	if (number(handle) < 0 || number(handle) >= GPUS) return INVALID;
	if (number(handle) == lost) return LOST;
	return needs_reset[number(handle)] ? RESET : OK;
}

#define ANSWER(handle, statement) { int code = check(handle); if (code == OK) { statement; } return code; }
#ifdef VGPU
#define HOST_ONLY(handle, statement) { int code = check(handle); return code == OK ? NOT_SUPPORTED : code; }
#else
#define HOST_ONLY(handle, statement) ANSWER(handle, statement)
#endif

int nvmlInit_v2(void) { look(); memset(needs_reset, 0, sizeof needs_reset); if (is_absent) return NOT_LOADED; is_initialised = 1; return OK; }
int nvmlShutdown(void) { is_initialised = 0; return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = GPUS; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = devices + index; return check(*handle); }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "580.159.04"); return OK; }
int nvmlDeviceGetName(void *h, char *text, unsigned size) ANSWER(h, snprintf(text, size, "NVIDIA H100 80GB HBM3"))
int nvmlDeviceGetUUID(void *h, char *text, unsigned size) ANSWER(h, snprintf(text, size, "GPU-0000000%d", number(h)))
int nvmlDeviceGetSerial(void *h, char *text, unsigned size) HOST_ONLY(h, snprintf(text, size, "165012300000%d", number(h)))
int nvmlDeviceGetPciInfo_v3(void *h, char *pci) ANSWER(h, (memset(pci, 0, 68), snprintf(pci + 36, 32, "00000000:%02X:00.0", 16 + number(h))))

int nvmlDeviceGetPowerUsage(void *h, unsigned *milliwatts) {
	look();
	HOST_ONLY(h, (*milliwatts = 400000 + 1000 * number(h) + 125, needs_reset[number(h)] = number(h) == reset))
}
int nvmlDeviceGetTemperature(void *h, int sensor, unsigned *celsius) ANSWER(h, *celsius = 50 + number(h))
int nvmlDeviceGetTemperatureThreshold(void *h, int which, unsigned *celsius) ANSWER(h, *celsius = which == 1 ? 89 : 0)
int nvmlDeviceGetPowerManagementLimit(void *h, unsigned *milliwatts) HOST_ONLY(h, *milliwatts = 650000)
int nvmlDeviceGetEnforcedPowerLimit(void *h, unsigned *milliwatts) HOST_ONLY(h, *milliwatts = 640000)
int nvmlDeviceGetPowerManagementDefaultLimit(void *h, unsigned *milliwatts) HOST_ONLY(h, *milliwatts = 700000)
int nvmlDeviceGetPowerManagementLimitConstraints(void *h, unsigned *least, unsigned *most) HOST_ONLY(h, (*least = 200000, *most = 700000))
int nvmlDeviceGetClockInfo(void *h, int which, unsigned *megahertz) ANSWER(h, *megahertz = which == 2 ? 2619 : 1980 - which)
int nvmlDeviceGetFanSpeed(void *h, unsigned *percent) { int code = check(h); return code == OK ? NOT_SUPPORTED : code; }
int nvmlDeviceGetPcieReplayCounter(void *h, unsigned *count) ANSWER(h, *count = 3)
int nvmlDeviceGetUtilizationRates(void *h, unsigned *percents) ANSWER(h, (percents[0] = 97, percents[1] = 40))
int nvmlDeviceGetPerformanceState(void *h, int *state) ANSWER(h, *state = 0)
int nvmlDeviceGetMemoryInfo(void *h, unsigned long long *bytes) ANSWER(h, (bytes[0] = 80ull << 30, bytes[1] = 20ull << 30, bytes[2] = 60ull << 30))
int nvmlDeviceGetTotalEccErrors(void *h, int kind, int since, unsigned long long *count) ANSWER(h, *count = kind == 1 ? 2 : 7)

#ifdef OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(void *h, unsigned long long *bits) ANSWER(h, *bits = 0x1)
#else
int nvmlDeviceGetCurrentClocksEventReasons(void *h, unsigned long long *bits) ANSWER(h, *bits = 0x44)
int nvmlDeviceGetTotalEnergyConsumption(void *h, unsigned long long *millijoules) HOST_ONLY(h, *millijoules = 9007199254000ull + number(h))
int nvmlDeviceGetMemoryInfo_v2(void *h, unsigned long long *bytes) {
	if ((bytes[0] & 0xffffffff) != (40u | 2u << 24)) return INVALID;
	ANSWER(h, (bytes[1] = 80ull << 30, bytes[2] = 1ull << 29, bytes[3] = 20ull << 30, bytes[4] = (60ull << 30) - (1ull << 29)))
}
int nvmlDeviceGetMigMode(void *h, unsigned *now, unsigned *pending) ANSWER(h, *now = *pending = number(h) == 1)
int nvmlDeviceGetMaxMigDeviceCount(void *h, unsigned *count) ANSWER(h, *count = 7)
int nvmlDeviceGetMigDeviceHandleByIndex(void *h, unsigned index, void **instance) ANSWER(h, return index < 3 ? OK : 6)
int nvmlDeviceGetRemappedRows(void *h, unsigned *ce, unsigned *ue, unsigned *pending, unsigned *failed) ANSWER(h, (*ce = 1, *ue = 2, *pending = 0, *failed = 0))

struct field { unsigned id, scope; long long time, latency; int type, code; union { unsigned u; double d; unsigned long long l; } value; };
int nvmlDeviceGetFieldValues(void *h, int count, struct field *fields) {
	int code = check(h);
	for (int i = 0; code == OK && i < count; i++) {
		fields[i].code = OK;
		fields[i].type = 1;
		if (fields[i].id == 82) fields[i].value.u = 60;
#ifndef VGPU
		else if (fields[i].id == 185) fields[i].value.u = 401000;
		else if (fields[i].id == 186) { fields[i].type = 3; fields[i].value.l = 402000; }
#endif
		else fields[i].code = NOT_SUPPORTED;
	}
	return code;
}

int nvmlEventSetCreate(void **set) { *set = devices; return OK; }
int nvmlDeviceRegisterEvents(void *h, unsigned long long types, void *set) { int code = check(h); return code != OK ? code : types == 8 ? OK : INVALID; }
struct event { void *device; unsigned long long type, data; unsigned gi, ci; };
int nvmlEventSetWait_v2(void *set, struct event *event, unsigned milliseconds) {
	if (milliseconds != 0) sleep(600);
	if (xid_gpu < 0) return TIMEOUT;
	*event = (struct event){ devices + xid_gpu, 8, (unsigned)xid_code, 0, 0 };
	xid_gpu = -1;
	return OK;
}
#endif

/* A library that is asked to change anything says so and dies: only reads may be bound. */
int nvmlDeviceSetPowerManagementLimit(void *h, unsigned milliwatts) { abort(); }
int nvmlDeviceResetApplicationsClocks(void *h) { abort(); }
