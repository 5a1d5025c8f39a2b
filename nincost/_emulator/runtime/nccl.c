/* NCCL: communicators of which this process is one rank and the others are not there. */
#include <string.h>

#include "runtime.h"

typedef struct { int ranks, rank, device; } Communicator;
typedef struct { char bytes[128]; } UniqueId;

static int make(Communicator **made, int ranks, int rank) {
  *made = handle(sizeof **made);
  **made = (Communicator){ranks, rank, current_device()};
  return SUCCESS;
}
API int ncclGetVersion(int *version) { *version = 22800; return SUCCESS; }
API int ncclGetUniqueId(UniqueId *id) { memset(id, 7, sizeof *id); return SUCCESS; }
API int ncclCommInitRank(Communicator **made, int ranks, UniqueId id, int rank) { return make(made, ranks, rank); }
API int ncclCommInitRankConfig(Communicator **made, int ranks, UniqueId id, int rank, void *config) { return make(made, ranks, rank); }
API int ncclCommInitRankScalable(Communicator **made, int ranks, int rank, int ids, UniqueId *id, void *config) { return make(made, ranks, rank); }
API int ncclCommInitAll(Communicator **made, int devices, const int *which) {
  for (int i = 0; i < devices; i++) make(made + i, devices, i);
  return SUCCESS;
}
API int ncclCommSplit(Communicator *of, int color, int key, Communicator **made, void *config) {
  if (color >= 0) return make(made, of->ranks, of->rank);
  *made = 0; /* this rank takes no part */
  return SUCCESS;
}
API int ncclCommShrink(Communicator *of, int *without, int count, Communicator **made, void *config, int flags) { return make(made, of->ranks - count, of->rank); }
API int ncclCommCount(Communicator *of, int *ranks) { *ranks = of->ranks; return SUCCESS; }
API int ncclCommUserRank(Communicator *of, int *rank) { *rank = of->rank; return SUCCESS; }
API int ncclCommCuDevice(Communicator *of, int *device) { *device = of->device; return SUCCESS; }
API int ncclCommGetAsyncError(Communicator *of, int *error) { *error = 0; return SUCCESS; }
API const char *ncclGetErrorString(int error) { return error ? "an error of the emulated NCCL" : "no error"; }
API const char *ncclGetLastError(Communicator *of) { return ""; }
API int ncclMemAlloc(void **address, size_t bytes) { return allocate(current_device(), address, bytes); }
API int ncclMemFree(void *address) { return release(address); }
API int ncclCommRegister(Communicator *of, void *address, size_t bytes, void **made) { *made = handle(0); return SUCCESS; }
API int ncclRedOpCreatePreMulSum(int *operation, void *scalar, int type, int residence, Communicator *of) { *operation = 5; return SUCCESS; }
