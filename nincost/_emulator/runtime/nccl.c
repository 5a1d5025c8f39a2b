/* NCCL: communicators of which this process is one rank and the others are not there.
 *
 * Collectives are done at once. What others would send is not there: a gather brings this rank's own
 * data once for each rank, a reduction its own data unreduced, a receive from a peer what was sent to
 * that peer in the same group of calls. As everywhere, only what the host wrote is data (values.c),
 * and what stands for other ranks' is assumed.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum { REDUCED = 1, IN_A_RING = 2, SENT = 1, RECEIVED = 2, UNHANDLED_CUDA_ERROR = 1 };
typedef struct { int ranks, rank, device, used; unsigned char *peers; } Communicator;
typedef struct { char bytes[128]; } UniqueId;

/* --- what was made, and how it was used: NCCL's own memory depends on it --- */
static Communicator *all[4096];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int next_ranks, next_rank;

/* Who works out NCCL's bytes whenever they may have changed; answers whether they are to be had. */
static int (*on_change)(int device);
API void nincost_emulated_on_nccl(int (*function)(int device)) { on_change = function; }
static __thread const char *failure = "";
static int changed(Communicator *of) {
  if (!on_change || !on_change(of->device)) return SUCCESS;
  failure = "Cuda failure 2 'out of memory'";
  return UNHANDLED_CUDA_ERROR;
}

static int make(Communicator **made, int ranks, int rank) {
  *made = handle(sizeof **made);
  **made = (Communicator){ranks, rank, current_device(), 0, calloc(1, ranks > 0 ? ranks : 1)};
  pthread_mutex_lock(&lock);
  int is_listed = count < (int)(sizeof all / sizeof *all);
  if (is_listed) all[count++] = *made;
  pthread_mutex_unlock(&lock);
  int status = changed(*made);
  if (status && is_listed) {
    pthread_mutex_lock(&lock);
    if (all[count - 1] == *made) count--;
    pthread_mutex_unlock(&lock);
  }
  return status;
}
/* A communicator connects its ranks when it is first used in a way; where there is no memory for
 * that, it is as if it had not been used. */
static int use(Communicator *of, int how) {
  if (of->used & how) return SUCCESS;
  of->used |= how;
  int status = changed(of);
  if (status) of->used &= ~how;
  return status;
}
static int use_peers(Communicator *of, int first, int many, int how) {
  if (first < 0 || first + many > of->ranks) return SUCCESS;
  unsigned char *peers = of->peers + first, *before = malloc(many);
  memcpy(before, peers, many);
  for (int i = 0; i < many; i++) peers[i] |= how;
  int status = memcmp(before, peers, many) ? changed(of) : SUCCESS;
  if (status) memcpy(peers, before, many);
  free(before);
  return status;
}
/* One communicator for a number from 0 on: its ranks, or 0 where there are no more. `used` adds up
 * REDUCED (an all-reduce) and IN_A_RING (any other collective); each rank's byte in `peers` adds up
 * SENT and RECEIVED. */
API int nincost_emulated_communicator(int number, int *used, const unsigned char **peers) {
  if (number >= count) return 0;
  *used = all[number]->used;
  *peers = all[number]->peers;
  return all[number]->ranks;
}
/* Of the next split: how many ranks go with this one, which NCCL would learn from the others. */
API void nincost_emulated_next_split(int ranks, int rank) { next_ranks = ranks; next_rank = rank; }
API int ncclGetVersion(int *version) { *version = 22800; return SUCCESS; }
API int ncclGetUniqueId(UniqueId *id) { memset(id, 7, sizeof *id); return SUCCESS; }
API int ncclCommGetUniqueId(Communicator *of, UniqueId *id) { return ncclGetUniqueId(id); }
API int ncclCommInitRank(Communicator **made, int ranks, UniqueId id, int rank) { return make(made, ranks, rank); }
API int ncclCommInitRankConfig(Communicator **made, int ranks, UniqueId id, int rank, void *config) { return make(made, ranks, rank); }
API int ncclCommInitRankScalable(Communicator **made, int ranks, int rank, int ids, UniqueId *id, void *config) { return make(made, ranks, rank); }
API int ncclCommInitAll(Communicator **made, int devices, const int *which) {
  for (int i = 0; i < devices; i++) make(made + i, devices, i);
  return SUCCESS;
}
API int ncclCommSplit(Communicator *of, int color, int key, Communicator **made, void *config) {
  if (color >= 0) return next_ranks ? make(made, next_ranks, next_rank) : make(made, of->ranks, of->rank);
  *made = 0; /* this rank takes no part */
  return SUCCESS;
}
API int ncclCommShrink(Communicator *of, int *without, int count, Communicator **made, void *config, int flags) { return make(made, of->ranks - count, of->rank); }
API int ncclCommGrow(Communicator *of, int ranks, const UniqueId *id, int rank, Communicator **made, void *config) { return make(made, ranks, rank < 0 ? of->rank : rank); }
API int ncclCommCount(Communicator *of, int *ranks) { *ranks = of->ranks; return SUCCESS; }
API int ncclCommUserRank(Communicator *of, int *rank) { *rank = of->rank; return SUCCESS; }
API int ncclCommCuDevice(Communicator *of, int *device) { *device = of->device; return SUCCESS; }
API int ncclCommGetAsyncError(Communicator *of, int *error) { *error = 0; return SUCCESS; }
API const char *ncclGetErrorString(int error) {
  return !error ? "no error" : error == UNHANDLED_CUDA_ERROR ? "unhandled cuda error (run with NCCL_DEBUG=INFO for details)" : "an error of the emulated NCCL";
}
API const char *ncclGetLastError(Communicator *of) { return failure; }
API int ncclMemAlloc(void **address, size_t bytes) { return allocate(current_device(), address, bytes); }
API int ncclMemFree(void *address) { return release(address); }
API int ncclCommRegister(Communicator *of, void *address, size_t bytes, void **made) { *made = handle(0); return SUCCESS; }
API int ncclCommWindowRegister(Communicator *of, void *address, size_t bytes, void **made, int flags) { *made = handle(0); return SUCCESS; }
API int ncclRedOpCreatePreMulSum(int *operation, void *scalar, int type, int residence, Communicator *of) { *operation = 5; return SUCCESS; }

/* ncclDataType_t: bytes of int8, uint8, int32, uint32, int64, uint64, half, float, double, bfloat16,
 * float8e4m3, float8e5m2 */
static size_t size_of(size_t count, int type) {
  static const char sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2, 1, 1};
  return type >= 0 && type < (int)sizeof sizes ? count * sizes[type] : count;
}
static void copy_others(const Communicator *of, void *to, const void *from, size_t bytes) {
  copy(to, from, bytes);
  if (of->ranks > 1) assume_others(to, bytes);
}
API int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation, Communicator *of, void *stream) {
  launches++;
  int status = use(of, REDUCED);
  if (!status) copy_others(of, to, from, size_of(count, type));
  return status;
}
API int ncclReduce(const void *from, void *to, size_t count, int type, int operation, int root, Communicator *of, void *stream) {
  launches++;
  int status = use(of, IN_A_RING);
  if (!status && of->rank == root) copy_others(of, to, from, size_of(count, type));
  return status;
}
API int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, Communicator *of, void *stream) {
  launches++;
  int status = use(of, IN_A_RING);
  size_t bytes = size_of(count, type);
  if (!status && of->rank == root) copy(to, from, bytes);
  else if (!status) assume_others(to, bytes);
  return status;
}
API int ncclBcast(void *at, size_t count, int type, int root, Communicator *of, void *stream) { return ncclBroadcast(at, at, count, type, root, of, stream); }
API int ncclReduceScatter(const void *from, void *to, size_t count, int type, int operation, Communicator *of, void *stream) {
  launches++;
  int status = use(of, IN_A_RING);
  size_t bytes = size_of(count, type);
  if (!status) copy_others(of, to, (const char *)from + of->rank * bytes, bytes);
  return status;
}
API int ncclAllGather(const void *from, void *to, size_t count, int type, Communicator *of, void *stream) {
  launches++;
  int status = use(of, IN_A_RING);
  size_t bytes = size_of(count, type);
  for (int rank = 0; !status && rank < of->ranks; rank++) {
    char *part = (char *)to + rank * bytes;
    copy(part, from, bytes);
    if (rank != of->rank) assume_others(part, bytes);
  }
  return status;
}
API int ncclAlltoAll(const void *from, void *to, size_t count, int type, Communicator *of, void *stream) {
  launches++;
  int status = use_peers(of, 0, of->ranks, SENT | RECEIVED);
  if (!status) copy_others(of, to, from, size_of(count, type) * of->ranks);
  return status;
}
API int ncclGather(const void *from, void *to, size_t count, int type, int root, Communicator *of, void *stream) { return of->rank == root ? ncclAllGather(from, to, count, type, of, stream) : SUCCESS; }
API int ncclScatter(const void *from, void *to, size_t count, int type, int root, Communicator *of, void *stream) {
  launches++;
  size_t bytes = size_of(count, type);
  if (of->rank == root) copy(to, (const char *)from + root * bytes, bytes);
  else assume_others(to, bytes);
  return SUCCESS;
}

/* --- sends and receives: matched within a group of calls --- */
typedef struct { const void *from; size_t bytes; int peer; } Sent;
static __thread Sent sent[4096];
static __thread int sends, depth;
API int ncclGroupStart(void) {
  if (!depth++) sends = 0;
  return SUCCESS;
}
API int ncclGroupEnd(void) {
  if (depth && !--depth) sends = 0;
  return SUCCESS;
}
API int ncclSend(const void *from, size_t count, int type, int peer, Communicator *of, void *stream) {
  launches++;
  int status = use_peers(of, peer, 1, SENT);
  if (status) return status;
  if (depth && sends < (int)(sizeof sent / sizeof *sent)) sent[sends++] = (Sent){from, size_of(count, type), peer};
  return SUCCESS;
}
API int ncclRecv(void *to, size_t count, int type, int peer, Communicator *of, void *stream) {
  launches++;
  int status = use_peers(of, peer, 1, RECEIVED);
  if (status) return status;
  size_t bytes = size_of(count, type);
  for (int i = sends - 1; i >= 0; i--)
    if (sent[i].peer == peer) {
      copy_others(of, to, sent[i].from, bytes < sent[i].bytes ? bytes : sent[i].bytes);
      sent[i].peer = -1;
      return SUCCESS;
    }
  forget(to, bytes);
  return SUCCESS;
}
