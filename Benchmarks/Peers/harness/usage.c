#include "support.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static double server_cpu_seconds(pid_t server) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", server);
  FILE *file = fopen(path, "r");
  if (!file) fail("the server with id %d is gone", server);
  size_t count = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[count] = 0;
  /* Behind the name, which may hold anything, stand state and ten numbers, then user and system time. */
  unsigned long user = 0, system = 0;
  char *rest = strrchr(line, ')');
  if (!rest || sscanf(rest, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &system) != 2)
    fail("%s is not as expected", path);
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double cpu_seconds_now(const struct settings *settings) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  return settings->server ? own + server_cpu_seconds(settings->server) : own;
}

static bool device_counters(const struct settings *settings, uint64_t *sectors) {
  struct stat status;
  if (stat(settings->directory, &status) < 0) return false;
  char path[64];
  snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(status.st_dev), minor(status.st_dev));
  FILE *file = fopen(path, "r");
  if (!file) return false;
  unsigned long long count = 0;
  bool found = fscanf(file, "%*s %*s %*s %*s %*s %*s %llu", &count) == 1;
  fclose(file);
  *sectors = count;
  return found;
}

static uint64_t process_bytes(const char *process) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%s/io", process);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  unsigned long long count = 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "write_bytes: %llu", &count) == 1) break;
  fclose(file);
  return count;
}

const char *usage_source(const struct settings *settings) {
  uint64_t sectors;
  return device_counters(settings, &sectors) ? "device" : "process";
}

struct usage usage_now(const struct settings *settings) {
  struct usage usage = {.cpu_seconds = cpu_seconds_now(settings)};
  int directory = open(settings->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail("%s cannot be opened: %m", settings->directory);
  syncfs(directory);
  close(directory);
  uint64_t sectors;
  if (device_counters(settings, &sectors)) {
    usage.device_bytes = sectors * 512;
  } else {
    usage.device_bytes = process_bytes("self");
    char server[16];
    snprintf(server, sizeof server, "%d", settings->server);
    if (settings->server) usage.device_bytes += process_bytes(server);
  }
  return usage;
}
