// Disks with a volatile write cache, for power cuts on real file systems.
//
// Serves DISKS files of BYTES each by FUSE; a loop device with direct I/O stands on a file, a file system on the
// loop device. A write goes to the cache, where reads see it; only a sync of the file (the flush of the block layer)
// copies what is in the cache to the medium. A cut makes, of one disk, what a power failure could have left of it
// on another: the medium and a subset of the unsynced sectors.
//
//     volatile-disk DIRECTORY DISKS BYTES SEED
//
// makes DIRECTORY/disks with the files 0, 1, … and DIRECTORY/0, DIRECTORY/1, … to mount them at, then takes
// commands from its input, one a line, and answers each with one line, "ok …" or "error …":
//
//     attach DISK               a loop device on the disk: "ok /dev/loopN"; gone when it is unmounted or detached
//     detach DISK
//     mount DISK TYPE [OPTIONS] mounts the disk's loop device, which it attaches
//     unmount DISK
//     cut FROM TO SEED          "ok UNSYNCED TAKEN CHOICE": sectors in the cache, how many of them the image has
//     clear DISK                all zeros
//     delay DISK WRITE SYNC     every write and every sync takes so many microseconds from now on, writes one after
//                               the other; a sync covers the writes that ended before it began
//     hold BYTES                writes of at least so many bytes are held up from now on, for 20 s at most; 0 for no more
//     held                      "ok COUNT": writes that are held up now
//     release                   carries out what is held up, and holds no more
//     spoil DISK OFFSET BYTES   reads that touch this range fail with EIO from now on; 0 bytes for none
//     stat DISK                 "ok WRITES SYNCS UNSYNCED"
//
// At the end of its input it unmounts and detaches everything, and removes DIRECTORY, so nothing stays behind a caller
// that was killed.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/loop.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint64_t HOLD_LIMIT = 20000000000; // nanoseconds

enum { SECTOR = 512, PAGE = 4096, DISK_LIMIT = 16, WRITE_LIMIT = 1 << 20 };

struct disk {
  uint8_t *now;     // what reads see
  uint8_t *medium;  // what a power cut leaves for certain
  uint32_t *order;  // by sector: 0 when synced, else the number of the write that changed it last
  uint32_t *waiting; // the sectors that are not synced
  uint8_t *touched; // by page: whether it may hold anything but zeros
  uint32_t written; // the number of the last write
  uint32_t synced;  // the last write that a sync covered
  uint64_t writes, syncs, unsynced;
  uint64_t write_delay, sync_delay, last_due; // nanoseconds
  uint64_t spoilt, spoilt_size; // the range that cannot be read
  int loop;
  char device[32];
  bool mounted;
};

static struct disk disks[DISK_LIMIT];
static unsigned disk_count;
static uint64_t disk_size;
static const char *directory;
static struct fuse_session *session;

// Guards all of the disks and what follows.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pending_changed;
static uint64_t hold_size;
static uint64_t eviction_state;

static uint64_t now_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// MARK: The disk

static void apply_write(struct disk *disk, const uint8_t *bytes, uint64_t offset, uint64_t size) {
  if (++disk->written == 0) disk->written = 1;
  for (uint64_t sector = offset / SECTOR; sector <= (offset + size - 1) / SECTOR; sector++) {
    uint64_t start = sector * SECTOR;
    if (disk->order[sector] == 0) {
      disk->waiting[disk->unsynced++] = (uint32_t)sector;
    } else if (next_random(&eviction_state) & 1) {
      // A cache may have written the older bytes at any time.
      memcpy(disk->medium + start, disk->now + start, SECTOR);
    }
    disk->order[sector] = disk->written;
    disk->touched[start / PAGE] = 1;
  }
  memcpy(disk->now + offset, bytes, size);
  disk->writes++;
}

// A sync that has begun: the sectors that it covers, as they were then. What is written over meanwhile is not
// durable by it.
struct snapshot {
  uint64_t count;
  uint32_t *sectors;
  uint8_t *bytes;
};

static struct snapshot take_snapshot(const struct disk *disk) {
  struct snapshot snapshot = {.count = disk->unsynced};
  snapshot.sectors = malloc(snapshot.count * sizeof *snapshot.sectors + 1);
  snapshot.bytes = malloc(snapshot.count * SECTOR + 1);
  if (!snapshot.sectors || !snapshot.bytes) abort();
  for (uint64_t index = 0; index < snapshot.count; index++) {
    uint64_t sector = snapshot.sectors[index] = disk->waiting[index];
    memcpy(snapshot.bytes + index * SECTOR, disk->now + sector * SECTOR, SECTOR);
  }
  return snapshot;
}

// Ends a sync that began after the write `covered`.
static void apply_sync(struct disk *disk, struct snapshot snapshot, uint32_t covered) {
  // When a later sync was quicker, what it covered is newer.
  if (covered < disk->synced) snapshot.count = 0;
  for (uint64_t index = 0; index < snapshot.count; index++)
    memcpy(disk->medium + (uint64_t)snapshot.sectors[index] * SECTOR, snapshot.bytes + index * SECTOR, SECTOR);
  if (covered > disk->synced) disk->synced = covered;
  uint64_t left = 0;
  for (uint64_t index = 0; index < disk->unsynced; index++) {
    uint32_t sector = disk->waiting[index];
    if (disk->order[sector] > covered) disk->waiting[left++] = sector;
    else disk->order[sector] = 0;
  }
  disk->unsynced = left;
  disk->syncs++;
  free(snapshot.sectors);
  free(snapshot.bytes);
}

static void clear_disk(struct disk *disk) {
  madvise(disk->now, disk_size, MADV_DONTNEED);
  madvise(disk->medium, disk_size, MADV_DONTNEED);
  madvise(disk->order, disk_size / SECTOR * sizeof *disk->order, MADV_DONTNEED);
  madvise(disk->touched, disk_size / PAGE, MADV_DONTNEED);
  disk->unsynced = disk->writes = disk->syncs = disk->written = disk->synced = 0;
}

// What may decide which unsynced sectors a cut leaves.
enum choice { NOTHING, EVERYTHING, BY_SECTOR, BY_PAGE, EARLY_WRITES, LATE_WRITES, BY_WRITE };
static const char *choice_names[] = {"nothing",      "everything",  "by-sector", "by-page",
                                     "early-writes", "late-writes", "by-write"};

static bool survives(enum choice choice, uint64_t sector, uint32_t order, uint32_t bound, uint64_t share, uint64_t seed,
                     uint64_t *state) {
  uint64_t key;
  switch (choice) {
  case NOTHING: return false;
  case EVERYTHING: return true;
  case BY_SECTOR: return next_random(state) % 1000 < share;
  case BY_PAGE: key = seed + sector / (PAGE / SECTOR); return next_random(&key) % 1000 < share;
  case BY_WRITE: key = seed + order; return next_random(&key) % 1000 < share;
  case EARLY_WRITES: return order <= bound;
  case LATE_WRITES: return order > bound;
  }
  return false;
}

static void cut(struct disk *from, struct disk *to, uint64_t seed, char *answer, size_t answer_size) {
  clear_disk(to);
  uint32_t oldest = UINT32_MAX, newest = 0;
  for (uint64_t page = 0; page < disk_size / PAGE; page++) {
    if (!from->touched[page]) continue;
    to->touched[page] = 1;
    memcpy(to->medium + page * PAGE, from->medium + page * PAGE, PAGE);
  }
  for (uint64_t index = 0; index < from->unsynced; index++) {
    uint32_t order = from->order[from->waiting[index]];
    if (order < oldest) oldest = order;
    if (order > newest) newest = order;
  }
  uint64_t state = seed;
  enum choice choice = next_random(&state) % 7;
  uint64_t share = 1 + next_random(&state) % 999;
  uint32_t bound = newest == 0 ? 0 : oldest + (uint32_t)(next_random(&state) % (newest - oldest + 1));
  uint64_t taken = 0;
  for (uint64_t index = 0; index < from->unsynced; index++) {
    uint64_t sector = from->waiting[index];
    if (!survives(choice, sector, from->order[sector], bound, share, seed, &state)) continue;
    memcpy(to->medium + sector * SECTOR, from->now + sector * SECTOR, SECTOR);
    taken++;
  }
  for (uint64_t page = 0; page < disk_size / PAGE; page++)
    if (to->touched[page]) memcpy(to->now + page * PAGE, to->medium + page * PAGE, PAGE);
  snprintf(answer, answer_size, "ok %llu %llu %s", (unsigned long long)from->unsynced, (unsigned long long)taken,
           choice_names[choice]);
}

// MARK: Writes and syncs that wait

// A write, or with size 0 a sync, that is not carried out yet.
struct pending {
  struct pending *next;
  fuse_req_t request;
  struct disk *disk;
  uint64_t offset, size, due;
  uint32_t covered;
  struct snapshot snapshot;
  bool held;
  uint8_t bytes[];
};

static struct pending *pending_first, **pending_end = &pending_first;

static void finish(struct pending *operation) {
  if (operation->size == 0) {
    apply_sync(operation->disk, operation->snapshot, operation->covered);
    fuse_reply_err(operation->request, 0);
  } else {
    apply_write(operation->disk, operation->bytes, operation->offset, operation->size);
    fuse_reply_write(operation->request, operation->size);
  }
  free(operation);
}

static void wait_in_line(struct pending *operation) {
  *pending_end = operation;
  pending_end = &operation->next;
  pthread_cond_signal(&pending_changed);
}

// Carries out what is delayed when it is due, and held ones once nothing is held any more.
static void *run_pending(void *unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  while (true) {
    uint64_t now = now_nanoseconds(), next = UINT64_MAX;
    struct pending **link = &pending_first;
    while (*link) {
      struct pending *write = *link;
      if (write->held && (hold_size == 0 || write->due + HOLD_LIMIT <= now)) write->held = false;
      if (!write->held && write->due <= now) {
        *link = write->next;
        finish(write);
        continue;
      }
      uint64_t due = write->held ? write->due + HOLD_LIMIT : write->due;
      if (due < next) next = due;
      link = &write->next;
    }
    pending_end = link;
    if (next == UINT64_MAX) {
      pthread_cond_wait(&pending_changed, &mutex);
    } else {
      struct timespec time = {.tv_sec = (time_t)(next / 1000000000), .tv_nsec = (long)(next % 1000000000)};
      pthread_cond_timedwait(&pending_changed, &mutex, &time);
    }
  }
  return NULL;
}

// MARK: The file system

static void fill_attributes(fuse_ino_t inode, struct stat *attributes) {
  memset(attributes, 0, sizeof *attributes);
  attributes->st_ino = inode;
  attributes->st_nlink = 1;
  attributes->st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0700 : S_IFREG | 0600;
  attributes->st_size = inode == FUSE_ROOT_ID ? 0 : (off_t)disk_size;
  attributes->st_blksize = PAGE;
}

static struct disk *disk_of(fuse_ino_t inode) { return &disks[inode - FUSE_ROOT_ID - 1]; }

static void serve_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  char *end;
  unsigned long number = strtoul(name, &end, 10);
  if (parent != FUSE_ROOT_ID || *end || end == name || number >= disk_count) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  struct fuse_entry_param entry = {.ino = FUSE_ROOT_ID + 1 + number, .attr_timeout = 3600, .entry_timeout = 3600};
  fill_attributes(entry.ino, &entry.attr);
  fuse_reply_entry(request, &entry);
}

static void serve_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
  (void)info;
  struct stat attributes;
  fill_attributes(inode, &attributes);
  fuse_reply_attr(request, &attributes, 3600);
}

static void serve_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *attributes, int which,
                          struct fuse_file_info *info) {
  (void)attributes;
  (void)which;
  serve_getattr(request, inode, info);
}

static void serve_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info) {
  if (inode == FUSE_ROOT_ID) {
    fuse_reply_err(request, EISDIR);
    return;
  }
  info->direct_io = 1;
  fuse_reply_open(request, info);
}

static void serve_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)info;
  if ((uint64_t)offset >= disk_size) size = 0;
  else if (size > disk_size - (uint64_t)offset) size = disk_size - (uint64_t)offset;
  struct disk *disk = disk_of(inode);
  pthread_mutex_lock(&mutex);
  if ((uint64_t)offset < disk->spoilt + disk->spoilt_size && disk->spoilt < (uint64_t)offset + size) {
    fuse_reply_err(request, EIO);
  } else {
    fuse_reply_buf(request, (char *)disk->now + offset, size);
  }
  pthread_mutex_unlock(&mutex);
}

static void serve_write(fuse_req_t request, fuse_ino_t inode, const char *bytes, size_t size, off_t offset,
                        struct fuse_file_info *info) {
  (void)info;
  if (size == 0 || (uint64_t)offset > disk_size || size > disk_size - (uint64_t)offset) {
    fuse_reply_err(request, size == 0 ? EINVAL : ENOSPC);
    return;
  }
  struct disk *disk = disk_of(inode);
  pthread_mutex_lock(&mutex);
  bool holds = hold_size != 0 && size >= hold_size;
  if (disk->write_delay == 0 && !holds) {
    apply_write(disk, (const uint8_t *)bytes, (uint64_t)offset, size);
    fuse_reply_write(request, size);
  } else {
    struct pending *write = malloc(sizeof *write + size);
    if (!write) abort();
    uint64_t now = now_nanoseconds();
    if (disk->last_due < now) disk->last_due = now;
    if (!holds) disk->last_due += disk->write_delay;
    *write = (struct pending){.request = request, .disk = disk, .offset = (uint64_t)offset, .size = size,
                              .due = holds ? now : disk->last_due, .held = holds};
    memcpy(write->bytes, bytes, size);
    wait_in_line(write);
  }
  pthread_mutex_unlock(&mutex);
}

static void serve_sync(fuse_req_t request, fuse_ino_t inode, int only_data, struct fuse_file_info *info) {
  (void)only_data;
  (void)info;
  struct disk *disk = disk_of(inode);
  pthread_mutex_lock(&mutex);
  struct snapshot snapshot = take_snapshot(disk);
  if (disk->sync_delay == 0) {
    apply_sync(disk, snapshot, disk->written);
    fuse_reply_err(request, 0);
  } else {
    struct pending *sync = malloc(sizeof *sync);
    if (!sync) abort();
    *sync = (struct pending){.request = request, .disk = disk, .due = now_nanoseconds() + disk->sync_delay,
                             .covered = disk->written, .snapshot = snapshot};
    wait_in_line(sync);
  }
  pthread_mutex_unlock(&mutex);
}

static void serve_init(void *user, struct fuse_conn_info *connection) {
  (void)user;
  connection->max_write = WRITE_LIMIT;
  connection->max_background = 64;
}

static const struct fuse_lowlevel_ops operations = {
    .init = serve_init,
    .lookup = serve_lookup,
    .getattr = serve_getattr,
    .setattr = serve_setattr,
    .open = serve_open,
    .read = serve_read,
    .write = serve_write,
    .fsync = serve_sync,
};

static void *run_session(void *unused) {
  (void)unused;
  fuse_session_loop(session);
  return NULL;
}

// MARK: Loop devices and mounts

static void path_of(char path[PATH_MAX], const char *form, ...) {
  int used = snprintf(path, PATH_MAX, "%s/", directory);
  va_list values;
  va_start(values, form);
  vsnprintf(path + used, PATH_MAX - (size_t)used, form, values);
  va_end(values);
}

static int attach(struct disk *disk) {
  if (disk->loop >= 0) return 0;
  char path[PATH_MAX];
  path_of(path, "disks/%u", (unsigned)(disk - disks));
  int backing = open(path, O_RDWR | O_CLOEXEC);
  if (backing < 0) return errno;
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int error = control < 0 ? errno : 0;
  // Others may take the free device in between.
  for (int attempt = 0; error == 0 && disk->loop < 0 && attempt < 50; attempt++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) {
      error = errno;
      break;
    }
    snprintf(disk->device, sizeof disk->device, "/dev/loop%d", number);
    int loop = open(disk->device, O_RDWR | O_CLOEXEC);
    if (loop < 0) continue;
    struct loop_config configuration = {.fd = (uint32_t)backing, .block_size = SECTOR};
    configuration.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    if (ioctl(loop, LOOP_CONFIGURE, &configuration) == 0) {
      disk->loop = loop;
    } else {
      if (errno != EBUSY) error = errno;
      close(loop);
    }
  }
  if (error == 0 && disk->loop < 0) error = EBUSY;
  if (control >= 0) close(control);
  close(backing);
  return error;
}

static void detach(struct disk *disk) {
  if (disk->loop >= 0) close(disk->loop);
  disk->loop = -1;
}

static int mount_disk(struct disk *disk, const char *type, const char *options) {
  if (disk->mounted) return EBUSY;
  int error = attach(disk);
  if (error != 0) return error;
  char path[PATH_MAX];
  path_of(path, "%u", (unsigned)(disk - disks));
  if (mount(disk->device, path, type, MS_NOATIME, options) != 0) {
    error = errno;
    detach(disk);
    return error;
  }
  disk->mounted = true;
  return 0;
}

static int unmount_disk(struct disk *disk) {
  if (disk->mounted) {
    char path[PATH_MAX];
    path_of(path, "%u", (unsigned)(disk - disks));
    // A process that has just been forked or killed may hold files for a moment.
    for (int attempt = 0; umount2(path, 0) != 0; attempt++) {
      if (errno != EBUSY) return errno;
      if (attempt == 500) {
        umount2(path, MNT_DETACH);
        break;
      }
      usleep(10000);
    }
    disk->mounted = false;
  }
  detach(disk);
  return 0;
}

// MARK: Commands

static void answer_error(char *answer, size_t size, int error) {
  if (error == 0) snprintf(answer, size, "ok");
  else snprintf(answer, size, "error %d %s", error, strerror(error));
}

static void obey(char *line, char *answer, size_t size) {
  char *words[5] = {0};
  int count = 0;
  for (char *word = strtok(line, " \n"); word && count < 5; word = strtok(NULL, " \n")) words[count++] = word;
  uint64_t numbers[5] = {0};
  for (int index = 1; index < count; index++) numbers[index] = strtoull(words[index], NULL, 0);
  const char *command = count > 0 ? words[0] : "";
  struct disk *disk = numbers[1] < disk_count ? &disks[numbers[1]] : &disks[0];
  answer_error(answer, size, 0);
  if (!strcmp(command, "attach") && count == 2) {
    int error = attach(disk);
    if (error != 0) answer_error(answer, size, error);
    else snprintf(answer, size, "ok %s", disk->device);
  } else if (!strcmp(command, "mount") && count >= 3) {
    answer_error(answer, size, mount_disk(disk, words[2], words[3]));
  } else if (!strcmp(command, "unmount") && count == 2) {
    answer_error(answer, size, unmount_disk(disk));
  } else {
    pthread_mutex_lock(&mutex);
    if (!strcmp(command, "cut") && count == 4 && numbers[2] < disk_count && numbers[1] != numbers[2]) {
      cut(disk, &disks[numbers[2]], numbers[3], answer, size);
    } else if (!strcmp(command, "clear") && count == 2) {
      clear_disk(disk);
    } else if (!strcmp(command, "detach") && count == 2) {
      detach(disk);
    } else if (!strcmp(command, "delay") && count == 4) {
      disk->write_delay = numbers[2] * 1000;
      disk->sync_delay = numbers[3] * 1000;
    } else if (!strcmp(command, "hold") && count == 2) {
      hold_size = numbers[1];
      pthread_cond_signal(&pending_changed);
    } else if (!strcmp(command, "held")) {
      unsigned held = 0;
      for (struct pending *write = pending_first; write; write = write->next) held += write->held;
      snprintf(answer, size, "ok %u", held);
    } else if (!strcmp(command, "release")) {
      hold_size = 0;
      pthread_cond_signal(&pending_changed);
    } else if (!strcmp(command, "spoil") && count == 4) {
      disk->spoilt = numbers[2];
      disk->spoilt_size = numbers[3];
    } else if (!strcmp(command, "stat") && count == 2) {
      snprintf(answer, size, "ok %llu %llu %llu", (unsigned long long)disk->writes, (unsigned long long)disk->syncs,
               (unsigned long long)disk->unsynced);
    } else {
      answer_error(answer, size, EINVAL);
    }
    pthread_mutex_unlock(&mutex);
  }
}

static void *map_zeros(uint64_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return memory;
}

static void make_disks(void) {
  char path[PATH_MAX];
  for (unsigned number = 0; number < disk_count; number++) {
    struct disk *disk = &disks[number];
    disk->now = map_zeros(disk_size);
    disk->medium = map_zeros(disk_size);
    disk->order = map_zeros(disk_size / SECTOR * sizeof *disk->order);
    disk->waiting = map_zeros(disk_size / SECTOR * sizeof *disk->waiting);
    disk->touched = map_zeros(disk_size / PAGE);
    disk->loop = -1;
    path_of(path, "%u", number);
    mkdir(path, 0700);
  }
  path_of(path, "disks");
  mkdir(path, 0700);
}

static void remove_directories(void) {
  char path[PATH_MAX];
  for (unsigned number = 0; number < disk_count; number++) {
    path_of(path, "%u", number);
    rmdir(path);
  }
  path_of(path, "disks");
  rmdir(path);
  rmdir(directory);
}

static bool serve(void) {
  char path[PATH_MAX];
  path_of(path, "disks");
  char *words[] = {"volatile-disk", "-o", "fsname=volatile-disk", NULL};
  struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
  session = fuse_session_new(&arguments, &operations, sizeof operations, NULL);
  if (!session || fuse_session_mount(session, path) != 0) return false;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&pending_changed, &attributes);
  pthread_t thread;
  return pthread_create(&thread, NULL, run_pending, NULL) == 0 && pthread_create(&thread, NULL, run_session, NULL) == 0;
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: volatile-disk DIRECTORY DISKS BYTES SEED\n");
    return 2;
  }
  directory = words[1];
  disk_count = (unsigned)strtoul(words[2], NULL, 10);
  disk_size = strtoull(words[3], NULL, 10) / PAGE * PAGE;
  eviction_state = strtoull(words[4], NULL, 10);
  if (disk_count == 0 || disk_count > DISK_LIMIT || disk_size == 0) return 2;
  // The end of the input ends this process, in order; a terminal's signal is for the caller.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  // The kernel must not wait for this process's own disks when it looks for memory for it.
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  make_disks();
  if (!serve()) return 1;
  puts("ok");
  fflush(stdout);
  char line[256], answer[256];
  while (fgets(line, sizeof line, stdin)) {
    obey(line, answer, sizeof answer);
    puts(answer);
    fflush(stdout);
  }
  pthread_mutex_lock(&mutex);
  hold_size = 0;
  for (unsigned number = 0; number < disk_count; number++) disks[number].write_delay = disks[number].sync_delay = 0;
  pthread_cond_signal(&pending_changed);
  pthread_mutex_unlock(&mutex);
  for (unsigned number = 0; number < disk_count; number++) unmount_disk(&disks[number]);
  fuse_session_unmount(session);
  remove_directories();
  return 0;
}
