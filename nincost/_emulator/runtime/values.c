/* What is behind the addresses: zeros, or what the host wrote there.
 *
 * Small copies from the host are kept, so that a label or a length can be read back. A block that
 * PyTorch's allocator hands out again reads as zeros: kernels, which would have written it, do nothing,
 * and what the host wrote for its last user must not look like their result.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

#define CHUNK (2ull << 20)
#define PAGE 4096ull
#define ALWAYS (1ull << 20)     /* copies from the host up to this size are kept, */
#define SOMETIMES (16ull << 20) /* and up to this, as long as */
#define BUDGET (512ull << 20)   /* they all are no more than that */
#define SMALL (64ull << 10)     /* copies within the cards are followed up to this size */

enum { CHUNKS = 1 << 16, BLOCKS = 1 << 20 };
/* For a chunk of addresses, whether the host may have written into it: a set that errs to yes. */
static unsigned char written[CHUNKS];
/* For a block of 512 bytes, as the allocator hands them out, whether it is still what the host wrote
 * (EXACT), or what values/kernels.py assumed (ASSUMED): a set that may err, by its hash. */
enum { UNKNOWN, EXACT, ASSUMED };
static unsigned char known[BLOCKS];
static unsigned long long kept;

static unsigned slot(unsigned long long chunk) { return (unsigned)(chunk * 0x9E3779B97F4A7C15ull >> 48); }
static unsigned block_slot(unsigned long long block) { return (unsigned)(block * 0x9E3779B97F4A7C15ull >> 44); }
static void set_known(const void *address, size_t bytes, int value) {
  unsigned long long first = (unsigned long long)address / 512;
  unsigned long long last = ((unsigned long long)address + bytes - 1) / 512;
  if (last - first >= BLOCKS) memset(known, UNKNOWN, sizeof known);
  else
    for (; first <= last; first++) known[block_slot(first)] = value;
}
static void mark(const void *address, size_t bytes, int value) {
  unsigned long long first = (unsigned long long)address / CHUNK;
  unsigned long long last = ((unsigned long long)address + bytes - 1) / CHUNK;
  for (; first <= last; first++) written[slot(first)] = 1;
  set_known(address, bytes, value);
}
/* UNKNOWN where a part of it is, else ASSUMED where one is. */
API int nincost_emulated_known(const void *address, size_t bytes) {
  unsigned long long first = (unsigned long long)address / 512;
  unsigned long long last = ((unsigned long long)address + bytes - 1) / 512;
  int found = EXACT;
  for (; bytes && first <= last; first++) {
    int here = known[block_slot(first)];
    if (here == UNKNOWN) return UNKNOWN;
    if (here > found) found = here;
  }
  return found;
}
static int marked(const void *address, size_t bytes) {
  unsigned long long first = (unsigned long long)address / CHUNK;
  unsigned long long last = ((unsigned long long)address + bytes - 1) / CHUNK;
  if (last - first >= CHUNKS) return 1;
  for (; first <= last; first++)
    if (written[slot(first)]) return 1;
  return 0;
}

void forget(const void *address, size_t bytes) {
  if (!bytes || !marked(address, bytes)) return;
  set_known(address, bytes, UNKNOWN);
  unsigned long long from = (unsigned long long)address, to = from + bytes;
  unsigned long long first = (from + PAGE - 1) / PAGE * PAGE, last = to / PAGE * PAGE;
  if (first >= last || bytes <= SMALL) {
    memset((void *)address, 0, bytes);
    return;
  }
  memset((void *)from, 0, first - from);
  madvise((void *)first, last - first, MADV_DONTNEED); /* these pages read as zeros now */
  memset((void *)last, 0, to - last);
}

/* c10::reportMemoryUsageToProfiler, which PyTorch's allocator calls for each block that it hands out
 * (bytes above 0) or gets back. */
typedef struct { int8_t type, index; } Device;
API void _ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE(void *block, int64_t bytes, size_t allocated, size_t reserved, Device device) {
  static void (*next)(void *, int64_t, size_t, size_t, Device);
  if (bytes > 0 && device_of(block) >= 0) forget(block, bytes);
  if (!next) next = dlsym(RTLD_NEXT, "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
  if (next) next(block, bytes, allocated, reserved, device);
}

/* What a thread's next reads of one number are answered, where a size was assumed (values/kernels.py). */
static __thread int answers;
static __thread int64_t answer;
API void nincost_emulated_answer(int many, int64_t value) { answers = many; answer = value; }

/* Who hears of each small read of what no kernel has written, and whether its values are assumed. */
static void (*on_read)(size_t bytes, int is_assumed);
API void nincost_emulated_on_read(void (*function)(size_t bytes, int is_assumed)) { on_read = function; }

static void read_back(void *to, const void *from, size_t bytes) {
  if (answers && bytes <= sizeof answer) {
    memcpy(to, &answer, bytes);
    answers--;
    return;
  }
  if (bytes <= SOMETIMES) memcpy(to, from, bytes);
  if (!on_read || bytes > ALWAYS) return;
  int here = known[block_slot((unsigned long long)from / 512)];
  if (here != EXACT) on_read(bytes, here == ASSUMED);
}

/* Whether memory of the host has never been written: some of its pages stand for all. */
API int nincost_emulated_untouched(const void *address, size_t bytes) {
  unsigned long long first = (unsigned long long)address / PAGE * PAGE;
  unsigned long long pages = ((unsigned long long)address + bytes - first + PAGE - 1) / PAGE;
  unsigned long long step = pages > 64 ? pages / 64 : 1;
  for (unsigned long long page = 1; page + 1 < pages; page += step) { /* the ends may be shared */
    unsigned char resident = 1;
    if (mincore((void *)(first + page * PAGE), PAGE, &resident) || resident & 1) return 0;
  }
  return pages > 2;
}
/* What a kernel would have written, EXACT or ASSUMED. */
API void nincost_emulated_write(void *to, const void *from, size_t bytes, int value) {
  memcpy(to, from, bytes);
  mark(to, bytes, value);
}

static int keeps(size_t bytes) {
  if (bytes > ALWAYS && (bytes > SOMETIMES || kept + bytes > BUDGET)) return 0;
  if (bytes > ALWAYS) kept += bytes;
  return 1;
}
void copy(void *to, const void *from, size_t bytes) {
  int to_card = device_of(to) >= 0, from_card = device_of(from) >= 0;
  if (!bytes || to == from) return;
  if (!to_card && !from_card) memmove(to, from, bytes);
  else if (to_card && from_card) {
    int value = bytes <= SOMETIMES ? nincost_emulated_known(from, bytes) : UNKNOWN;
    if (value || (bytes <= SMALL && (marked(from, bytes) || marked(to, bytes)))) {
      memmove(to, from, bytes);
      mark(to, bytes, value);
    } else forget(to, bytes);
  } else if (to_card) {
    if ((bytes <= SMALL || !nincost_emulated_untouched(from, bytes)) && keeps(bytes)) {
      memcpy(to, from, bytes);
      mark(to, bytes, EXACT);
    } else forget(to, bytes);
  } else read_back(to, from, bytes);
}
void fill(void *to, int value, size_t bytes) {
  if (device_of(to) < 0) memset(to, value, bytes);
  else if (value && bytes <= ALWAYS) {
    memset(to, value, bytes);
    mark(to, bytes, EXACT);
  } else forget(to, bytes);
}

API int cudaMemcpy(void *to, const void *from, size_t bytes, int kind) { copy(to, from, bytes); return SUCCESS; }
API int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) { copy(to, from, bytes); return SUCCESS; }
API int cudaMemcpyPeer(void *to, int to_device, const void *from, int from_device, size_t bytes) { copy(to, from, bytes); return SUCCESS; }
API int cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, void *stream) { copy(to, from, bytes); return SUCCESS; }
static int copy_rows(char *to, size_t to_pitch, const char *from, size_t from_pitch, size_t width, size_t height) {
  for (size_t row = 0; row < height; row++) copy(to + row * to_pitch, from + row * from_pitch, width);
  return SUCCESS;
}
API int cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, int kind) { return copy_rows(to, to_pitch, from, from_pitch, width, height); }
API int cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, int kind, void *stream) { return copy_rows(to, to_pitch, from, from_pitch, width, height); }
API int cudaMemset(void *to, int value, size_t bytes) { fill(to, value, bytes); return SUCCESS; }
API int cudaMemsetAsync(void *to, int value, size_t bytes, void *stream) { fill(to, value, bytes); return SUCCESS; }
API int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes) { copy((void *)to, from, bytes); return SUCCESS; }
API int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes) { copy(to, (void *)from, bytes); return SUCCESS; }
API int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream) { copy((void *)to, from, bytes); return SUCCESS; }
API int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream) { copy(to, (void *)from, bytes); return SUCCESS; }
API int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes, void *stream) { copy((void *)to, (void *)from, bytes); return SUCCESS; }
API int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t bytes, void *stream) { fill((void *)to, value, bytes); return SUCCESS; }
