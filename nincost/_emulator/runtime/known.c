/* Which bytes of the cards' memory hold what a card would have there, too.
 *
 * Of each byte it is known whether it is what the host wrote or follows from that (EXACT), or what
 * values/kernels.py assumed (ASSUMED): two bits, in memory that is mapped but takes no pages until
 * it is written. A second table says for each 512 bytes, the allocator's unit, whether anything was
 * written there, and whether a block of the allocator begins there; two more say the same of 2 MiB,
 * so that a large block is passed over in few steps. What a kernel may write is known no more: a
 * stale value is worse than none.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

#define UNIT 512ull
#define CHUNK (2ull << 20)
enum { WRITTEN = 1, BEGINS = 2 };

static unsigned char *states; /* from the first address on; absent where it cannot be mapped */
static unsigned char *units;
static unsigned char *chunks; /* of each 2 MiB, whether anything was written there */
static uint16_t *begun;       /* of each 2 MiB, how many blocks begin there */
static unsigned long long first, room;

static unsigned char *table(size_t bytes) {
  void *made = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return made == MAP_FAILED ? 0 : made;
}
__attribute__((constructor(103))) static void begin(void) { /* after memory.c's */
  room = addresses(&first);
  units = table(room / UNIT);
  chunks = table(room / CHUNK);
  begun = (uint16_t *)table(room / CHUNK * sizeof *begun);
  if (units && chunks && begun && room) states = table(room / 4);
}

/* --- the states of bytes: of each, two bits --- */
static void set_states(unsigned long long at, size_t bytes, int state) {
  for (; bytes && at % 4; at++, bytes--) states[at / 4] = states[at / 4] & ~(3 << at % 4 * 2) | state << at % 4 * 2;
  memset(states + at / 4, state * 0x55, bytes / 4);
  for (at += bytes / 4 * 4, bytes %= 4; bytes; at++, bytes--) states[at / 4] = states[at / 4] & ~(3 << at % 4 * 2) | state << at % 4 * 2;
}
/* UNKNOWN where a byte of it is, else ASSUMED where one is. */
API int nincost_emulated_known(const void *address, size_t bytes) {
  unsigned long long at = (unsigned long long)address - first;
  if (!states || at >= room) return UNKNOWN;
  int found = EXACT;
  while (bytes) {
    int same = 1, state = states[at / 4] >> at % 4 * 2 & 3;
    if (state == UNKNOWN) return UNKNOWN;
    if (state > found) found = state;
    if (at % 32 == 0 && bytes >= 32 && *(uint64_t *)(states + at / 4) == state * 0x5555555555555555ull) same = 32;
    at += same;
    bytes -= same;
  }
  return found;
}

/* --- what was written, and by whom --- */
void mark(void *address, size_t bytes, int state) {
  unsigned long long at = (unsigned long long)address - first;
  if (!states || !bytes || at >= room) return;
  for (unsigned long long unit = at / UNIT; unit <= (at + bytes - 1) / UNIT; unit++) units[unit] |= WRITTEN;
  for (unsigned long long chunk = at / CHUNK; chunk <= (at + bytes - 1) / CHUNK; chunk++) chunks[chunk] = 1;
  set_states(at, bytes, state);
}
int marked(const void *address, size_t bytes) {
  unsigned long long at = (unsigned long long)address - first;
  if (!states || !bytes || at >= room) return 0;
  for (unsigned long long unit = at / UNIT; unit <= (at + bytes - 1) / UNIT; unit++)
    if (units[unit] & WRITTEN) return 1;
  return 0;
}
static void forget_units(unsigned long long at, unsigned long long end) {
  for (unsigned long long unit = at / UNIT; unit * UNIT < end; unit++) {
    if (!(units[unit] & WRITTEN)) continue;
    unsigned long long from = unit * UNIT, to = from + UNIT;
    if (from >= at && to <= end) units[unit] &= ~WRITTEN;
    if (from < at) from = at;
    if (to > end) to = end;
    memset((void *)(first + from), 0, to - from);
    set_states(from, to - from, UNKNOWN);
  }
}
void forget(const void *address, size_t bytes) {
  unsigned long long at = (unsigned long long)address - first, end = at + bytes, next;
  if (!states || !bytes || at >= room) return;
  for (; at < end; at = next) {
    unsigned long long chunk = at / CHUNK;
    next = (chunk + 1) * CHUNK < end ? (chunk + 1) * CHUNK : end;
    if (!chunks[chunk]) continue;
    forget_units(at, next);
    if (next - at < CHUNK) continue;
    chunks[chunk] = 0; /* and its pages go: they read as zeros */
    madvise((void *)(first + at), CHUNK, MADV_DONTNEED);
    madvise(states + at / 4, CHUNK / 4, MADV_DONTNEED);
  }
}
void forget_states(void) {
  if (states) madvise(states, room / 4, MADV_DONTNEED);
}
/* As the host, or an operator whose arguments are known: not while a graph is captured, as nothing of
 * it runs before it is launched. */
API void nincost_emulated_write(void *to, const void *from, size_t bytes, int state) {
  if (capturing() && state == EXACT) { written(to, bytes); return; }
  memcpy(to, from, bytes);
  mark(to, bytes, state);
}
/* A kernel may write there, now and when the graph is launched that it is captured for. */
void written(void *address, size_t bytes) {
  if (capturing()) remember(address, bytes);
  forget(address, bytes);
}
API void nincost_emulated_written(void *address, size_t bytes) { written(address, bytes); }
/* The same from there to the end of the allocator's block. */
void written_on(void *address) {
  unsigned long long at = (unsigned long long)address - first, unit = at / UNIT + 1;
  if (!states || at >= room || device_of(address) < 0) return;
  while (!(units[unit] & BEGINS)) {
    if (unit * UNIT % CHUNK == 0 && !begun[unit * UNIT / CHUNK]) unit += CHUNK / UNIT;
    else if (unit % 8 == 0 && !(*(uint64_t *)(units + unit) & 0x0202020202020202ull)) unit += 8;
    else unit++;
    if (unit * UNIT % CHUNK == 0 && device_of((void *)(first + unit * UNIT)) < 0) break;
  }
  written(address, unit * UNIT - at);
}
API void nincost_emulated_all_written(void **addresses, int many) {
  for (int i = 0; i < many; i++) written_on(addresses[i]);
}
/* What a collective brought is this rank's own, taken for that of the others. */
void assume_others(void *address, size_t bytes) {
  if (nincost_emulated_known(address, bytes) != UNKNOWN) mark(address, bytes, ASSUMED);
}

/* c10::reportMemoryUsageToProfiler, which PyTorch's allocator calls for each block that it hands out
 * (bytes above 0) or gets back. A block that is handed out again holds nothing: what the host wrote
 * for its last user must not look like the result of a kernel, which does nothing. */
typedef struct { int8_t type, index; } Device;
#define REPORTED _ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE
API void REPORTED(void *block, int64_t bytes, size_t allocated, size_t reserved, Device device) {
  static void (*next)(void *, int64_t, size_t, size_t, Device);
  if (states && device_of(block) >= 0) {
    unsigned long long at = (unsigned long long)block - first;
    unsigned char *unit = units + at / UNIT;
    if (bytes > 0) {
      forget(block, bytes);
      if (!(__atomic_fetch_or(unit, BEGINS, __ATOMIC_RELAXED) & BEGINS)) __atomic_fetch_add(begun + at / CHUNK, 1, __ATOMIC_RELAXED);
    } else if (__atomic_fetch_and(unit, ~BEGINS, __ATOMIC_RELAXED) & BEGINS) __atomic_fetch_sub(begun + at / CHUNK, 1, __ATOMIC_RELAXED);
  }
  if (!next) next = following("libc10.so", "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE");
  if (next) next(block, bytes, allocated, reserved, device);
}
