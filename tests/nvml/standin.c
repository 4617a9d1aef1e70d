/* Stands in for libnvidia-ml.so.1: GPUs that follow a script (tests/nvml/scenario.py writes it).
 *
 * WATTBENCH_NVML_SCENARIO names the script, read anew at each nvmlInit. Time is the machine's
 * monotonic clock less the script's `epoch`, or, where the script names a `clock` file, the double
 * that this file holds: then a test sets the time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SUCCESS 0
#define UNINITIALIZED 1
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7
#define GPU_IS_LOST 15
#define UNKNOWN 999

#define MOST_GPUS 32
#define MOST_POINTS 65536
#define MOST_SPANS 32

enum { ENERGY = 1, POWER = 2, UTIL = 4, MEMORY = 8, TEMP = 16, CLOCK = 32, MIG = 64, PROCESSES = 128,
       THROTTLE = 256, NAME = 512 };

typedef struct { double from, to; unsigned pid; } Span;

typedef struct {
  int index, missing, mig, points, losses, processes, resets;
  char uuid[96], name[96];
  double period, window, offset, quantum;
  unsigned long long total, used;
  unsigned util, temp, clock;
  unsigned long long throttle;
  double *at, *watts, *joules;
  double reset[MOST_SPANS];
  Span lost[MOST_SPANS], process[MOST_SPANS];
} Gpu;

typedef struct { unsigned pid; unsigned long long memory; unsigned gi, ci; } Process;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned gpu, memory; } Utilization;

static Gpu gpus[MOST_GPUS];
static int count, ready, clock_file = -1;
static double epoch;
static char driver[64];

static double now(void) {
  if (clock_file >= 0) {
    double value = 0;
    return pread(clock_file, &value, sizeof value, 0) == sizeof value ? value : 0;
  }
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9 - epoch;
}

static int feature(const char *word) {
  const char *names[] = {"energy", "power", "util", "memory", "temp", "clock", "mig", "processes",
                         "throttle", "name"};
  for (int place = 0; place < 10; place++)
    if (!strcmp(word, names[place])) return 1 << place;
  return 0;
}

static void free_gpus(void) {
  for (int place = 0; place < count; place++) {
    free(gpus[place].at);
    free(gpus[place].watts);
    free(gpus[place].joules);
  }
  memset(gpus, 0, sizeof gpus);
  count = 0;
}

static int load(void) {
  const char *path = getenv("WATTBENCH_NVML_SCENARIO");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return UNKNOWN;
  char line[1024], word[64], text[512];
  Gpu *gpu = NULL;
  free_gpus();
  if (clock_file >= 0) close(clock_file);
  clock_file = -1;
  epoch = 0;
  strcpy(driver, "550.54.15");
  while (fgets(line, sizeof line, file)) {
    double a = 0, b = 0;
    unsigned n = 0;
    if (sscanf(line, " %63s", word) != 1) continue;
    text[0] = 0;
    sscanf(line, " %*s %511[^\n]", text);
    if (!strcmp(word, "epoch")) epoch = atof(text);
    else if (!strcmp(word, "clock")) clock_file = open(text, O_RDONLY);
    else if (!strcmp(word, "driver")) snprintf(driver, sizeof driver, "%.63s", text);
    else if (!strcmp(word, "gpu")) {
      if (count == MOST_GPUS) break;
      gpu = &gpus[count];
      gpu->index = count++;
      gpu->period = 0.1;
      gpu->window = 0.025;
      gpu->quantum = 1;
      gpu->at = calloc(MOST_POINTS, sizeof(double));
      gpu->watts = calloc(MOST_POINTS, sizeof(double));
      gpu->joules = calloc(MOST_POINTS, sizeof(double));
    } else if (!gpu) continue;
    else if (!strcmp(word, "uuid")) snprintf(gpu->uuid, sizeof gpu->uuid, "%.95s", text);
    else if (!strcmp(word, "name")) snprintf(gpu->name, sizeof gpu->name, "%.95s", text);
    else if (!strcmp(word, "period")) gpu->period = atof(text);
    else if (!strcmp(word, "window")) gpu->window = atof(text);
    else if (!strcmp(word, "offset")) gpu->offset = atof(text);
    else if (!strcmp(word, "quantum")) gpu->quantum = atof(text);
    else if (!strcmp(word, "memory")) sscanf(text, "%llu %llu", &gpu->total, &gpu->used);
    else if (!strcmp(word, "util")) gpu->util = atoi(text);
    else if (!strcmp(word, "temp")) gpu->temp = atoi(text);
    else if (!strcmp(word, "sm_clock")) gpu->clock = atoi(text);
    else if (!strcmp(word, "throttle")) gpu->throttle = atoll(text);
    else if (!strcmp(word, "mig")) gpu->mig = atoi(text);
    else if (!strcmp(word, "missing")) gpu->missing |= feature(text);
    else if (!strcmp(word, "reset") && gpu->resets < MOST_SPANS)
      gpu->reset[gpu->resets++] = atof(text);
    else if (!strcmp(word, "lost") && gpu->losses < MOST_SPANS &&
             sscanf(text, "%lf %lf", &a, &b) == 2)
      gpu->lost[gpu->losses++] = (Span){a, b, 0};
    else if (!strcmp(word, "process") && gpu->processes < MOST_SPANS &&
             sscanf(text, "%u %lf %lf", &n, &a, &b) == 3)
      gpu->process[gpu->processes++] = (Span){a, b, n};
    else if (!strcmp(word, "point") && gpu->points < MOST_POINTS &&
             sscanf(text, "%lf %lf", &a, &b) == 2) {
      int last = gpu->points - 1;
      gpu->at[last + 1] = a;
      gpu->watts[last + 1] = b;
      if (last >= 0)
        gpu->joules[last + 1] =
            gpu->joules[last] + (a - gpu->at[last]) * (gpu->watts[last] + b) / 2;
      gpu->points++;
    }
  }
  fclose(file);
  return SUCCESS;
}

/* Joules from the first corner to t; the power before and after the script is that of its ends. */
static double joules(const Gpu *gpu, double t) {
  if (!gpu->points) return 0;
  int low = 0, high = gpu->points - 1;
  if (t <= gpu->at[0]) return (t - gpu->at[0]) * gpu->watts[0];
  if (t >= gpu->at[high]) return gpu->joules[high] + (t - gpu->at[high]) * gpu->watts[high];
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (gpu->at[middle] <= t) low = middle;
    else high = middle;
  }
  double width = gpu->at[high] - gpu->at[low], since = t - gpu->at[low];
  double rise = width > 0 ? (gpu->watts[high] - gpu->watts[low]) / width : 0;
  return gpu->joules[low] + gpu->watts[low] * since + rise * since * since / 2;
}

static double updated(const Gpu *gpu) {
  double t = now();
  if (gpu->period <= 0) return t;
  return floor((t - gpu->offset) / gpu->period) * gpu->period + gpu->offset;
}

static int usable(const Gpu *gpu, int what) {
  if (!ready) return UNINITIALIZED;
  if (gpu < gpus || gpu >= gpus + count) return INVALID_ARGUMENT;
  double t = now();
  for (int place = 0; place < gpu->losses; place++)
    if (t >= gpu->lost[place].from && t < gpu->lost[place].to) return GPU_IS_LOST;
  return gpu->missing & what ? NOT_SUPPORTED : SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  int result = load();
  ready = result == SUCCESS;
  return result;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) {
  ready = 0;
  return SUCCESS;
}
const char *nvmlErrorString(int code) {
  switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
  }
}

static int say(char *out, unsigned length, const char *text) {
  if (strlen(text) + 1 > length) return INSUFFICIENT_SIZE;
  strcpy(out, text);
  return SUCCESS;
}
int nvmlSystemGetDriverVersion(char *out, unsigned length) { return say(out, length, driver); }
int nvmlSystemGetNVMLVersion(char *out, unsigned length) { return say(out, length, "12.550"); }
int nvmlSystemGetCudaDriverVersion(int *out) {
  *out = 12040;
  return SUCCESS;
}
int nvmlSystemGetCudaDriverVersion_v2(int *out) { return nvmlSystemGetCudaDriverVersion(out); }

int nvmlDeviceGetCount_v2(unsigned *out) {
  *out = count;
  return ready ? SUCCESS : UNINITIALIZED;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Gpu **out) {
  if (!ready) return UNINITIALIZED;
  if (index >= (unsigned)count) return INVALID_ARGUMENT;
  *out = &gpus[index];
  return usable(*out, 0);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, Gpu **out) {
  for (int place = 0; place < count; place++)
    if (!strcmp(gpus[place].uuid, uuid)) {
      *out = &gpus[place];
      return usable(*out, 0);
    }
  return NOT_FOUND;
}
int nvmlDeviceGetName(Gpu *gpu, char *out, unsigned length) {
  int result = usable(gpu, NAME);
  return result ? result : say(out, length, gpu->name);
}
int nvmlDeviceGetUUID(Gpu *gpu, char *out, unsigned length) {
  int result = usable(gpu, 0);
  return result ? result : say(out, length, gpu->uuid);
}
#define NUMBER(FUNCTION, TYPE, FEATURE, VALUE)  \
  int FUNCTION(Gpu *gpu, TYPE *out) {           \
    int result = usable(gpu, FEATURE);          \
    if (!result) *out = (TYPE)(VALUE);          \
    return result;                              \
  }
NUMBER(nvmlDeviceGetIndex, unsigned, 0, gpu->index)
NUMBER(nvmlDeviceGetMinorNumber, unsigned, 0, gpu->index)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, POWER, 400000)
NUMBER(nvmlDeviceGetPowerManagementLimit, unsigned, POWER, 400000)
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, THROTTLE, gpu->throttle)

static double watts(const Gpu *gpu) {
  double u = updated(gpu);
  if (gpu->window > 0) return (joules(gpu, u) - joules(gpu, u - gpu->window)) / gpu->window;
  return (joules(gpu, u) - joules(gpu, u - 1e-6)) / 1e-6;
}
NUMBER(nvmlDeviceGetPowerUsage, unsigned, POWER, floor(watts(gpu) * 1000 + 0.5))

static double counter(const Gpu *gpu) {
  double u = updated(gpu), since = -1e300;
  for (int place = 0; place < gpu->resets; place++)
    if (gpu->reset[place] <= u && gpu->reset[place] > since) since = gpu->reset[place];
  double millijoules = 1000 * (joules(gpu, u) - (since > -1e299 ? joules(gpu, since) : -1e6));
  return floor(millijoules / gpu->quantum) * gpu->quantum;
}
NUMBER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, ENERGY, counter(gpu))

int nvmlDeviceGetTemperature(Gpu *gpu, int sensor, unsigned *out) {
  (void)sensor;
  int result = usable(gpu, TEMP);
  if (!result) *out = gpu->temp;
  return result;
}
int nvmlDeviceGetClockInfo(Gpu *gpu, int kind, unsigned *out) {
  (void)kind;
  int result = usable(gpu, CLOCK);
  if (!result) *out = gpu->clock;
  return result;
}
int nvmlDeviceGetMemoryInfo(Gpu *gpu, Memory *out) {
  int result = usable(gpu, MEMORY);
  if (!result) *out = (Memory){gpu->total, gpu->total - gpu->used, gpu->used};
  return result;
}
int nvmlDeviceGetMemoryInfo_v2(Gpu *gpu, MemoryV2 *out) {
  int result = usable(gpu, MEMORY);
  if (!result)
    *out = (MemoryV2){out->version, gpu->total, 0, gpu->total - gpu->used, gpu->used};
  return result;
}
int nvmlDeviceGetUtilizationRates(Gpu *gpu, Utilization *out) {
  int result = usable(gpu, UTIL);
  if (!result) *out = (Utilization){gpu->util, gpu->util / 2};
  return result;
}
int nvmlDeviceGetMigMode(Gpu *gpu, unsigned *current, unsigned *pending) {
  int result = usable(gpu, MIG);
  if (!result) *current = *pending = gpu->mig;
  return result;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Gpu *gpu, unsigned *size, Process *out) {
  int result = usable(gpu, PROCESSES);
  if (result) return result;
  double t = now();
  unsigned room = *size, found = 0;
  for (int place = 0; place < gpu->processes; place++) {
    Span *one = &gpu->process[place];
    if (t < one->from || t >= one->to) continue;
    if (out && found < room)
      out[found] = (Process){one->pid, 1 << 20, 0xFFFFFFFF, 0xFFFFFFFF};
    found++;
  }
  *size = found;
  return found > room || (found && !out) ? INSUFFICIENT_SIZE : SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v2(Gpu *gpu, unsigned *size, Process *out) {
  return nvmlDeviceGetComputeRunningProcesses_v3(gpu, size, out);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(Gpu *gpu, unsigned *size, Process *out) {
  (void)out;
  *size = 0;
  return usable(gpu, PROCESSES);
}
