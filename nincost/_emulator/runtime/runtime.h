/* What the files of the emulated CUDA share.
 *
 * The library is preloaded in front of NVIDIA's, so that PyTorch's own CUDA code runs with no GPU:
 * it dispatches, allocates and frees as on the card that is named, and kernels do nothing. All names
 * that start with cuda, cu, cublas, cudnn, nccl stand for NVIDIA's functions of that name; what they
 * take and return is their public binary interface, declared here in our own words. Functions that
 * have nothing to do but to succeed are not written out: library.py generates them.
 *
 * Settings are environment variables, NINCOST_EMULATED_ and then
 *   CARD           major minor SMs bytes threads/SM blocks/SM shared-bytes/block-opt-in L2-bytes
 *                  SM-clock-kHz memory-clock-kHz
 *   NAME           the card's name
 *   DEVICES        how many of them there are (1); CUDA_VISIBLE_DEVICES chooses among them
 *   CAPACITY       bytes that can be had of each, its context included (the card's memory)
 *   CONTEXT        bytes that a CUDA context takes of each card that is used (0)
 *   FIRST_ADDRESS  the first address; where it is set, no memory is behind any of them
 *   CUDNN          the card as cuDNN 9.8 and later want it described, in JSON; without it, and
 *                  where cuDNN is older, it is not queried, and each convolution has one plan,
 *                  whose workspace is 0 bytes
 *   NO_WORKSPACE   cuDNN is queried for its plans, and their workspaces are 0 bytes all the same
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))

/* cudaError_t and CUresult, which share these numbers */
enum {
  SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101,
  INVALID_HANDLE = 400, NOT_FOUND = 500, PEER_ACCESS_ALREADY = 704, NOT_SUPPORTED = 801,
  CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURE_UNJOINED = 904,
};

/* --- the machine: machine.c --- */
enum { MOST_DEVICES = 128 };
typedef struct {
  unsigned long long major, minor, multiprocessors, bytes, threads, blocks, shared, l2_bytes,
      clock_khz, memory_clock_khz;
  const char *name;
} Card;
extern const int emulated_cuda_version; /* 13000: what the torch was built with; generated */
extern Card card;                       /* all devices are alike */
extern int all_devices;
int device_count(void); /* of those, the visible ones */
int current_device(void);
const unsigned char *uuid_of(int device);
unsigned long long setting(const char *name, unsigned long long otherwise);

/* --- memory: memory.c --- */
int device_of(const void *address); /* whose memory that is, or -1 */
int allocate(int device, void **address, size_t bytes);
int release(void *address);
unsigned long long place(int device, size_t bytes); /* addresses, without the memory */
void displace(unsigned long long address, size_t bytes);
int take(int device, size_t bytes); /* memory, without addresses: 0 or OUT_OF_MEMORY */
void give(int device, size_t bytes);
void range_of(const void *address, void **start, size_t *bytes);
void free_and_total(int device, size_t *free_bytes, size_t *total_bytes);
unsigned long long addresses(unsigned long long *from);

/* --- values: values.c, and what is known of them: known.c, written.c --- */
enum { UNKNOWN, EXACT, ASSUMED };
void copy(void *to, const void *from, size_t bytes);
void fill(void *to, int value, size_t bytes);
void mark(void *address, size_t bytes, int state); /* that state was written there */
int marked(const void *address, size_t bytes);     /* whether anything was */
void forget(const void *address, size_t bytes);    /* it reads as zeros, of which nothing is known */
void written(void *address, size_t bytes);         /* the same by a kernel, which a graph may repeat */
void written_on(void *address);                    /* to the end of the allocator's block */
void forget_states(void); /* of all cards, and what is there stays */
void assume_others(void *address, size_t bytes);
void launched(const void *kernel, void **arguments);
void *following(const char *library, const char *name);

/* --- streams: stream.c --- */
extern unsigned long long launches; /* kernels so far; approximate, as threads count at once */
int capturing(void); /* whether any stream does */
void remember(void *address, size_t bytes); /* what the graph that is captured writes */

/* --- what is to be named in results: notes.c --- */
void note(const char *kind, const char *name);
int unwritten(const char *name); /* a generated function was called that answers nothing */

void *handle(size_t bytes); /* zeros, for objects of which only the address matters */
