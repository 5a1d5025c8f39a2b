/* What is behind the addresses: zeros, or what the host wrote there.
 *
 * Small copies from the host are kept, so that a label or a length can be read back. A block that
 * PyTorch's allocator hands out again reads as zeros: kernels, which would have written it, do nothing,
 * and what the host wrote for its last user must not look like their result.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

#define PAGE 4096ull
#define ALWAYS (1ull << 20)     /* copies from the host up to this size are kept, */
#define SOMETIMES (16ull << 20) /* and up to this, as long as */
#define BUDGET (512ull << 20)   /* they all are no more than that */
#define SMALL (64ull << 10)     /* copies within the cards, and zeros, are followed up to this size */

int nincost_emulated_known(const void *address, size_t bytes);
static unsigned long long kept;

/* What a thread's next reads of one number are answered, where a size was assumed (values/kernels.py). */
static __thread int answers;
static __thread int64_t answer;
API void nincost_emulated_answer(int many, int64_t value) { answers = many; answer = value; }

/* Who hears of each small read of what no kernel has written, and whether its values are assumed. */
static void (*on_read)(size_t bytes, int is_assumed);
static int all_reads; /* where not all that kernels write is seen, of each read at all */
API void nincost_emulated_on_read(void (*function)(size_t bytes, int is_assumed), int all) { on_read = function; all_reads = all; }

static void read_back(void *to, const void *from, size_t bytes) {
  if (answers && bytes <= sizeof answer) {
    memcpy(to, &answer, bytes);
    answers--;
    return;
  }
  if (bytes <= SOMETIMES) memcpy(to, from, bytes);
  if (!on_read || bytes > ALWAYS) return;
  int here = nincost_emulated_known(from, bytes);
  if (here != EXACT || all_reads) on_read(bytes, here == ASSUMED);
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
static int keeps(size_t bytes) {
  if (bytes > ALWAYS && (bytes > SOMETIMES || kept + bytes > BUDGET)) return 0;
  if (bytes > ALWAYS) kept += bytes;
  return 1;
}
void copy(void *to, const void *from, size_t bytes) {
  int to_card = device_of(to) >= 0, from_card = device_of(from) >= 0;
  if (!bytes || to == from) return;
  if (!to_card && !from_card) memmove(to, from, bytes);
  else if (!to_card) read_back(to, from, bytes);
  else if (capturing()) written(to, bytes);
  else if (from_card) {
    int state = bytes <= SOMETIMES ? nincost_emulated_known(from, bytes) : UNKNOWN;
    if (state || bytes <= SMALL && (marked(from, bytes) || marked(to, bytes))) {
      memmove(to, from, bytes);
      mark(to, bytes, state);
    } else forget(to, bytes);
  } else if ((bytes <= SMALL || !nincost_emulated_untouched(from, bytes)) && keeps(bytes)) {
    memcpy(to, from, bytes);
    mark(to, bytes, EXACT);
  } else forget(to, bytes);
}
void fill(void *to, int value, size_t bytes) {
  if (device_of(to) < 0) memset(to, value, bytes);
  else if (capturing()) written(to, bytes);
  else if (bytes <= SMALL || value && bytes <= ALWAYS) {
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
