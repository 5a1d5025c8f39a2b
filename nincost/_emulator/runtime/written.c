/* What kernels may write, where no operator says it.
 *
 * An operator of PyTorch names the arguments that it writes (values/writes.py). Seen here are copies
 * and fills inside of operators, which are kernels over a TensorIterator, and the kernels of other
 * libraries and those that PyTorch compiles as it runs: what a pointer among their arguments points to
 * is no longer known, except while an operator is followed. How many arguments there are a launch does
 * not say; they lie on the stack of the thread that launches, and what else lies there and looks like
 * a card's address is taken for one of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <string.h>

#include "runtime.h"

enum { MOST_ARGUMENTS = 256, BYTES_OF_ONE = 4096 };

/* A function of PyTorch's that is defined here, too: the next one of that name. */
void *following(const char *library, const char *name) {
  void *of = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  return of ? dlsym(of, name) : 0;
}

/* --- kernels over a TensorIterator: each asks for its size first --- */
static __thread int followed; /* the operator that runs is followed by values/ */
API void nincost_emulated_followed(int is_followed) { followed = is_followed; }

#define ASKED _ZNK2at18TensorIteratorBase22can_use_32bit_indexingEv
API int8_t ASKED(const void *iterator) {
  static int8_t (*next)(const void *);
  static void *(*data)(const void *, int64_t);
  if (!next) {
    data = following("libtorch_cpu.so", "_ZNK2at18TensorIteratorBase8data_ptrEl");
    next = following("libtorch_cpu.so", "_ZNK2at18TensorIteratorBase22can_use_32bit_indexingEv");
  }
  if (data && !followed) written_on(data(iterator, 0));
  return next(iterator);
}

/* --- kernels of others --- */
static struct { const char *from, *to; } of_torch[64];
static int many;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int add_torch(struct dl_phdr_info *library, size_t bytes, void *unused) {
  const char *name = strrchr(library->dlpi_name, '/');
  if (!name || strncmp(name, "/libtorch", 9)) return 0;
  for (int i = 0; i < library->dlpi_phnum && many < 64; i++) {
    const ElfW(Phdr) *part = library->dlpi_phdr + i;
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    of_torch[many].from = (char *)library->dlpi_addr + part->p_vaddr;
    of_torch[many].to = of_torch[many].from + part->p_memsz;
    many++;
  }
  return 0;
}
static int is_torchs(const void *kernel) {
  for (int i = 0; i < many; i++)
    if ((char *)kernel >= of_torch[i].from && (char *)kernel < of_torch[i].to) return 1;
  return 0;
}
/* PyTorch's libraries are all there when it launches the first kernel, or come with the first of
 * their own. */
static int is_foreign(const void *kernel) {
  static __thread const void *last; /* a library's kernels are launched one after the other */
  if (!kernel || is_torchs(kernel)) return 0;
  if (kernel == last) return 1;
  pthread_mutex_lock(&lock);
  many = 0;
  dl_iterate_phdr(add_torch, 0);
  pthread_mutex_unlock(&lock);
  if (is_torchs(kernel)) return 0;
  last = kernel;
  return 1;
}
static int is_on_stack(const void *address) {
  static __thread char *end;
  if (!end) {
    pthread_attr_t attributes;
    void *lowest;
    size_t bytes;
    if (pthread_getattr_np(pthread_self(), &attributes)) return 0;
    pthread_attr_getstack(&attributes, &lowest, &bytes);
    pthread_attr_destroy(&attributes);
    end = (char *)lowest + bytes;
  }
  return (char *)address >= (char *)__builtin_frame_address(0) && (char *)address + BYTES_OF_ONE < end;
}
/* Of a kernel of the runtime's, or with 0 of the driver's. */
void launched(const void *kernel, void **arguments) {
  launches++;
  if (followed || !arguments || kernel && !is_foreign(kernel)) return;
  char *from = 0, *to = 0;
  for (int i = 0; i < MOST_ARGUMENTS && is_on_stack(arguments + i) && is_on_stack(arguments[i]); i++) {
    char *argument = arguments[i];
    if (!from || argument < from) from = argument;
    if (argument > to) to = argument;
  }
  if (!from) { forget_states(); return; } /* they lie elsewhere, and may be anything */
  from -= (size_t)from % sizeof(void *);
  for (void **word = (void **)from; (char *)word < to + BYTES_OF_ONE; word++)
    if (device_of(*word) >= 0) written_on(*word);
}
