/* Memory of the cards: host memory that nobody touches, at addresses that only go up.
 *
 * Each device has its own range of addresses, so that an address says whose it is. What is taken of a
 * device is counted against its capacity; the context counts from the device's first allocation on,
 * and so does what NCCL holds (nccl.c), which is known by its bytes alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

#define STEP (2ull << 20)            /* what addresses are rounded to, and pages of a card are */
#define BASE 0x100000000000ull       /* below libraries and above programs */
#define ROOM (64ull << 40)           /* of addresses, for all devices */

typedef struct { unsigned long long first, next, used, nccl; } Device;
typedef struct { unsigned long long address, bytes, counted; } Range;
static Device devices[MOST_DEVICES];
static Range *ranges;
static int count, capacity_of_ranges, unbacked;
static unsigned long long room, context, capacity;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Also called by a process that was forked for another rank, with another environment. */
API void nincost_emulated_settle(void) {
  context = setting("NINCOST_EMULATED_CONTEXT", 0);
  capacity = setting("NINCOST_EMULATED_CAPACITY", card.bytes);
}
__attribute__((constructor(102))) static void begin(void) { /* after the machine's settings */
  unsigned long long first = setting("NINCOST_EMULATED_FIRST_ADDRESS", 0);
  unbacked = first != 0;
  room = ROOM / (all_devices ? all_devices : 1) / STEP * STEP;
  for (int device = 0; device < all_devices; device++)
    devices[device].first = devices[device].next = (first ? first : BASE) + device * room;
  nincost_emulated_settle();
}

/* How many addresses there are that memory is behind, from `from` on. */
unsigned long long addresses(unsigned long long *from) {
  *from = devices[0].first;
  return unbacked ? 0 : room * all_devices;
}
int device_of(const void *address) {
  unsigned long long at = (unsigned long long)address - devices[0].first;
  if (at >= room * all_devices) return -1;
  int device = (int)(at / room);
  return (unsigned long long)address < devices[device].next ? device : -1;
}

static size_t rounded(size_t bytes) { return (bytes + STEP - 1) / STEP * STEP; }

/* Where addresses run out, they start again from the first: those that are free are taken. */
static unsigned long long find_room(int device, size_t bytes) {
  Device *of = devices + device;
  for (int again = 0; again < 2; again++) {
    while (of->next + bytes <= of->first + room) {
      unsigned long long at = of->next;
      of->next += bytes;
      if (unbacked) return at;
      void *got = mmap((void *)at, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
      if (got == (void *)at) return at;
      if (got != MAP_FAILED) munmap(got, bytes);
      of->next = at + STEP;
    }
    of->next = of->first;
  }
  fprintf(stderr, "nincost: no addresses are left for the emulated GPU %d\n", device);
  abort();
}
unsigned long long place(int device, size_t bytes) {
  pthread_mutex_lock(&lock);
  unsigned long long at = find_room(device, rounded(bytes));
  pthread_mutex_unlock(&lock);
  return at;
}
void displace(unsigned long long address, size_t bytes) {
  if (unbacked) return;
  forget((void *)address, rounded(bytes));
  munmap((void *)address, rounded(bytes));
}

static unsigned long long occupied(int device) { return devices[device].used + devices[device].nccl + context; }
int take(int device, size_t bytes) {
  pthread_mutex_lock(&lock);
  int status = occupied(device) + bytes > capacity ? OUT_OF_MEMORY : SUCCESS;
  if (!status) devices[device].used += bytes;
  pthread_mutex_unlock(&lock);
  return status;
}
void give(int device, size_t bytes) {
  pthread_mutex_lock(&lock);
  devices[device].used -= bytes;
  pthread_mutex_unlock(&lock);
}

int allocate(int device, void **address, size_t bytes) {
  if (!device_count()) return NO_DEVICE;
  if (!bytes) { *address = 0; return SUCCESS; }
  int status = take(device, bytes);
  if (status) return status;
  pthread_mutex_lock(&lock);
  if (count == capacity_of_ranges) {
    capacity_of_ranges = capacity_of_ranges ? 2 * capacity_of_ranges : 1024;
    ranges = realloc(ranges, capacity_of_ranges * sizeof *ranges);
    if (!ranges) abort();
  }
  unsigned long long at = find_room(device, rounded(bytes));
  ranges[count++] = (Range){at, bytes, bytes};
  pthread_mutex_unlock(&lock);
  *address = (void *)at;
  return SUCCESS;
}
static int range_at(unsigned long long address) {
  for (int i = count - 1; i >= 0; i--)
    if (address >= ranges[i].address && address < ranges[i].address + ranges[i].bytes) return i;
  return -1;
}
int release(void *address) {
  if (!address) return SUCCESS;
  pthread_mutex_lock(&lock);
  int i = range_at((unsigned long long)address);
  if (i < 0 || ranges[i].address != (unsigned long long)address) {
    pthread_mutex_unlock(&lock);
    return INVALID_VALUE;
  }
  Range gone = ranges[i];
  ranges[i] = ranges[--count];
  devices[device_of(address)].used -= gone.counted;
  pthread_mutex_unlock(&lock);
  displace(gone.address, gone.bytes);
  return SUCCESS;
}
void range_of(const void *address, void **start, size_t *bytes) {
  pthread_mutex_lock(&lock);
  int i = range_at((unsigned long long)address);
  *start = i < 0 ? (void *)address : (void *)ranges[i].address;
  *bytes = i < 0 ? STEP : ranges[i].bytes;
  pthread_mutex_unlock(&lock);
}
void free_and_total(int device, size_t *free_bytes, size_t *total_bytes) {
  unsigned long long used = occupied(device);
  *total_bytes = card.bytes;
  *free_bytes = used < capacity ? capacity - used : 0;
  if (*free_bytes > card.bytes) *free_bytes = card.bytes;
}
/* Of NCCL's buffers so many bytes in all: 0, or OUT_OF_MEMORY, and then as many as before. */
API int nincost_emulated_nccl_bytes(int device, unsigned long long bytes) {
  pthread_mutex_lock(&lock);
  unsigned long long before = devices[device].nccl;
  devices[device].nccl = bytes;
  int status = bytes > before && occupied(device) > capacity ? OUT_OF_MEMORY : SUCCESS;
  if (status) devices[device].nccl = before;
  pthread_mutex_unlock(&lock);
  return status;
}
/* What nvidia-smi would show for this process, but for NCCL's buffers. */
API unsigned long long nincost_emulated_process_bytes(int device) { return devices[device].used + context; }

API int cudaMalloc(void **address, size_t bytes) { return allocate(current_device(), address, bytes); }
API int cudaFree(void *address) { return release(address); }
API int cudaMallocManaged(void **address, size_t bytes, unsigned flags) { return allocate(current_device(), address, bytes); }
API int cudaMallocAsync(void **address, size_t bytes, void *stream) { return allocate(current_device(), address, bytes); }
API int cudaMallocFromPoolAsync(void **address, size_t bytes, void *pool, void *stream) { return allocate(current_device(), address, bytes); }
API int cudaFreeAsync(void *address, void *stream) { return release(address); }
API int cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
  free_and_total(current_device(), free_bytes, total_bytes);
  return SUCCESS;
}
API int cudaDeviceGetDefaultMemPool(void **pool, int device) { static char pools[MOST_DEVICES]; *pool = pools + device; return SUCCESS; }
API int cudaMemPoolGetAttribute(void *pool, int which, void *value) {
  if (which >= 4 && which <= 8) *(uint64_t *)value = devices[current_device()].used; /* bytes used, reserved */
  else *(int *)value = 0;
  return SUCCESS;
}
API int cudaDeviceGetGraphMemAttribute(int device, int which, void *value) { *(uint64_t *)value = 0; return SUCCESS; }

API int cuMemAlloc_v2(unsigned long long *address, size_t bytes) { return allocate(current_device(), (void **)address, bytes); }
API int cuMemFree_v2(unsigned long long address) { return release((void *)address); }

/* --- pinned memory of the host --- */
API int cudaHostAlloc(void **address, size_t bytes, unsigned flags) {
  return (*address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)) ? SUCCESS : OUT_OF_MEMORY;
}
API int cudaMallocHost(void **address, size_t bytes) { return cudaHostAlloc(address, bytes, 0); }
API int cudaFreeHost(void *address) { free(address); return SUCCESS; }
API int cudaHostGetDevicePointer(void **address, void *host, unsigned flags) { *address = host; return SUCCESS; }
API int cudaHostGetFlags(unsigned *flags, void *host) { *flags = 0; return SUCCESS; }

typedef struct { int type, device; void *device_pointer, *host_pointer; } PointerAttributes;
API int cudaPointerGetAttributes(PointerAttributes *found, const void *address) {
  int device = device_of(address);
  *found = (PointerAttributes){device < 0 ? 0 : 2, device < 0 ? -2 : device, 0, 0}; /* 0: not CUDA's, 2: a device's */
  if (device >= 0) found->device_pointer = (void *)address;
  return SUCCESS;
}

/* --- memory that is shared between processes: the other one's is not to be had, its size is --- */
typedef struct { uint64_t bytes, offset, rest[6]; } MemoryHandle;
API int cudaIpcGetMemHandle(MemoryHandle *shared, void *address) {
  void *start;
  memset(shared, 0, sizeof *shared);
  range_of(address, &start, &shared->bytes);
  return SUCCESS;
}
API int cudaIpcOpenMemHandle(void **address, MemoryHandle shared, unsigned flags) {
  *address = (void *)place(current_device(), shared.bytes);
  return SUCCESS;
}
API int cudaIpcGetEventHandle(void *shared, void *event) { memset(shared, 0, 64); return SUCCESS; }

/* --- virtual memory: what expandable segments are made of --- */
typedef struct { size_t bytes; int device; } Physical;
typedef struct { int type, handle_types, location_type, location; } PhysicalProperties;
API int cuMemAddressReserve(unsigned long long *address, size_t bytes, size_t alignment, unsigned long long wanted, unsigned long long flags) {
  *address = place(current_device(), bytes);
  return SUCCESS;
}
API int cuMemAddressFree(unsigned long long address, size_t bytes) { displace(address, bytes); return SUCCESS; }
API int cuMemCreate(uint64_t *made, size_t bytes, const PhysicalProperties *wanted, unsigned long long flags) {
  int device = wanted && wanted->location_type == 1 ? wanted->location : current_device();
  int status = take(device, bytes);
  if (status) return status;
  Physical *one = handle(sizeof *one);
  *one = (Physical){bytes, device};
  *made = (uint64_t)one;
  return SUCCESS;
}
API int cuMemRelease(uint64_t made) {
  Physical *one = (Physical *)made;
  if (one) give(one->device, one->bytes);
  free(one);
  return SUCCESS;
}
API int cuMemUnmap(unsigned long long address, size_t bytes) { forget((void *)address, bytes); return SUCCESS; }
API int cuMemGetAllocationGranularity(size_t *bytes, const void *properties, int which) { *bytes = STEP; return SUCCESS; }
API int cuMemGetAddressRange_v2(unsigned long long *start, size_t *bytes, unsigned long long address) {
  void *at;
  size_t length;
  range_of((void *)address, &at, &length);
  if (start) *start = (unsigned long long)at;
  if (bytes) *bytes = length;
  return SUCCESS;
}
API int cuMemGetAddressRange(unsigned long long *start, size_t *bytes, unsigned long long address) { return cuMemGetAddressRange_v2(start, bytes, address); }
API int cuMulticastCreate(uint64_t *made, const void *properties) { *made = (uint64_t)handle(0); return SUCCESS; }
API int cuMulticastGetGranularity(size_t *bytes, const void *properties, int which) { *bytes = STEP; return SUCCESS; }
/* A file descriptor (1) is sent to the other process, so it has to be one. */
API int cuMemExportToShareableHandle(void *shared, uint64_t made, int type, unsigned long long flags) {
  if (type == 1) *(int *)shared = open("/dev/null", O_RDONLY | O_CLOEXEC);
  else memset(shared, 0, 64);
  return SUCCESS;
}
API int cuMemImportFromShareableHandle(uint64_t *made, void *shared, int type) { *made = (uint64_t)handle(0); return SUCCESS; }
API int cuMemRetainAllocationHandle(uint64_t *made, void *address) { *made = (uint64_t)handle(0); return SUCCESS; }
