// Tells the thread sanitizer what a continuation orders: what was done before it was resumed comes before what is done after
// the await.
//
// Swift's runtime says so itself where the task was suspended already. Where the resume came first, the await goes on
// at once, by a look at an atomic word in the runtime, which is not instrumented. So both ends are said here: a resume
// releases its task, and what the task goes on with is replaced, when the continuation is made, by a function that acquires
// it first.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

// The sanitizer's runtime, in the program. Programs without it are loaded with this, too: they say nothing.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define ASYNC __attribute__((swiftasynccall))
#define SWIFT __attribute__((swiftcall))

struct context;
typedef ASYNC void (*continuing)(__attribute__((swift_async_context)) struct context *);

// The beginning of every asynchronous context: the compiler relies on it, too.
struct context {
  struct context *parent;
  continuing resume_parent;
};

static SWIFT void (*real_resume)(void *task);
static SWIFT void (*real_throwing_resume)(void *task);
static SWIFT void *(*real_init)(struct context *, size_t flags);
static SWIFT void *(*current_task)(void);

// What tasks go on with, by the contexts of their awaits. No more tasks await at a time than there are places.
enum { PLACES = 1 << 14 };
static struct place {
  _Atomic(struct context *) context;
  continuing resume_parent;
} places[PLACES];

static size_t first(struct context *context) { return ((size_t)context >> 4) * 0x9E3779B97F4A7C15u >> 50; }

static void put(struct context *context, continuing resume_parent) {
  for (size_t i = first(context);; i = (i + 1) % PLACES) {
    struct context *none = NULL;
    // A place is taken before it is filled: nobody looks for the context before the continuation is made.
    if (atomic_compare_exchange_strong(&places[i].context, &none, context)) {
      places[i].resume_parent = resume_parent;
      return;
    }
  }
}

static continuing take(struct context *context) {
  for (size_t i = first(context);; i = (i + 1) % PLACES) {
    if (atomic_load(&places[i].context) != context) continue;
    continuing resume_parent = places[i].resume_parent;
    atomic_store(&places[i].context, NULL);
    return resume_parent;
  }
}

__attribute__((constructor)) static void prepare(void) {
  real_resume = (SWIFT void (*)(void *))dlsym(RTLD_NEXT, "swift_continuation_resume");
  real_throwing_resume = (SWIFT void (*)(void *))dlsym(RTLD_NEXT, "swift_continuation_throwingResume");
  real_init = (SWIFT void *(*)(struct context *, size_t))dlsym(RTLD_NEXT, "swift_continuation_init");
  current_task = (SWIFT void *(*)(void))dlsym(RTLD_NEXT, "swift_task_getCurrent");
}

SWIFT void swift_continuation_resume(void *task) {
  if (__tsan_release) __tsan_release(task);
  real_resume(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
  if (__tsan_release) __tsan_release(task);
  real_throwing_resume(task);
}

static ASYNC void go_on(__attribute__((swift_async_context)) struct context *context) {
  if (__tsan_acquire) __tsan_acquire(current_task());
  continuing resume_parent = take(context);
  context->resume_parent = resume_parent;
  __attribute__((musttail)) return resume_parent(context);
}

SWIFT void *swift_continuation_init(struct context *context, size_t flags) {
  put(context, context->resume_parent);
  context->resume_parent = go_on;
  return real_init(context, flags);
}
