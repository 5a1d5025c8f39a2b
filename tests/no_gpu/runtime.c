/* CUDA's runtime, cuBLAS and cuDNN with no GPU behind, preloaded in front of the real ones, so that
 * PyTorch's own CUDA code runs: it dispatches, allocates and frees as on the card that is named, and
 * kernels do nothing. "Device" memory is host memory that nobody touches, at addresses that only go
 * up. What is not written out here answers 0 (build.sh makes the list).
 *
 * NO_GPU_CARD       major minor SMs bytes threads/SM blocks/SM shared/block-optin L2-bytes
 * NO_GPU_NAME       the card's name
 * NO_GPU_CAPACITY   bytes that can be had of it (all of them where it is not set)
 * NO_GPU_FIRST      the first address; where it is set, no memory is behind any of them
 * NO_GPU_JSON       the card as cuDNN 9.8 and later want it told; without it cuDNN is not asked, and
 *                   each convolution has one plan, whose workspace is 0 bytes
 * NO_GPU_NO_WORKSPACE  cuDNN is asked for its plans, and their workspaces are 0 bytes all the same
 *
 * One source serves CUDA 12 and 13; build.sh is given the headers of the one that PyTorch was built
 * with. Tried with torch 2.6.0 (CUDA 12.4) and 2.14.1 (CUDA 13.0).
 */
#define _GNU_SOURCE
#include <cuda.h>
/* CUDA 12's headers declare some functions under a newer name, with more arguments. */
#define cudaStreamGetCaptureInfo_v2 unused_declaration
#define cudaStreamGetCaptureInfo unused_declaration
#include <cuda_runtime_api.h>
#undef cudaStreamGetCaptureInfo
#undef cudaStreamGetCaptureInfo_v2
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STEP (2ull << 20)
#define SLOTS (1 << 20)
#define COPIED (16ull << 20)

static unsigned long long card[8] = {9, 0, 132, 85000000000ull, 2048, 32, 232448, 52428800};
static unsigned long long used;
static char *first_address, *next_address;
static int unbacked;
static unsigned long long addresses[SLOTS], lengths[SLOTS];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("NO_GPU_CARD");
  if (text)
    sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu", card, card + 1, card + 2, card + 3,
           card + 4, card + 5, card + 6, card + 7);
  text = getenv("NO_GPU_FIRST");
  unbacked = text != 0;
  next_address = first_address = (char *)(text ? strtoull(text, 0, 0) : 0x600000000000ull);
}
static unsigned long long total(void) { return card[3]; }
static unsigned long long capacity(void) {
  const char *text = getenv("NO_GPU_CAPACITY");
  return text ? strtoull(text, 0, 10) : total();
}
static unsigned long long place(size_t size) {
  size = (size + STEP - 1) / STEP * STEP;
  if (unbacked) {
    next_address += size;
    return (unsigned long long)(next_address - size);
  }
  char *at = mmap(next_address, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != next_address) { perror("no room for the card's addresses"); abort(); }
  next_address += size;
  return (unsigned long long)at;
}

/* --- memory ------------------------------------------------------------------------------- */
cudaError_t cudaMalloc(void **p, size_t size) {
  pthread_mutex_lock(&lock);
  if (used + size > capacity()) { pthread_mutex_unlock(&lock); return cudaErrorMemoryAllocation; }
  used += size;
  addresses[count] = place(size);
  lengths[count] = size;
  *p = (void *)addresses[count++];
  pthread_mutex_unlock(&lock);
  return cudaSuccess;
}
cudaError_t cudaFree(void *p) {
  cudaError_t status = p ? cudaErrorInvalidValue : cudaSuccess;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < count; i++)
    if (addresses[i] == (unsigned long long)p) {
      used -= lengths[i];
      if (!unbacked) munmap(p, (lengths[i] + STEP - 1) / STEP * STEP);
      addresses[i] = addresses[--count];
      lengths[i] = lengths[count];
      status = cudaSuccess;
      break;
    }
  pthread_mutex_unlock(&lock);
  return status;
}
cudaError_t cudaHostAlloc(void **p, size_t size, unsigned flags) {
  return (*p = aligned_alloc(4096, (size + 4095) / 4096 * 4096)) ? 0 : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void *p) { free(p); return cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t *f, size_t *t) {
  *t = total();
  *f = capacity() - used;
  return cudaSuccess;
}
static int on_card(const void *p) { return !unbacked && (char *)p >= first_address && (char *)p < next_address; }
cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind k) {
  if (n <= COPIED && !(on_card(to) && on_card(from))) memcpy(to, from, n);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind k, cudaStream_t s) {
  return cudaMemcpy(to, from, n, k);
}
cudaError_t cudaMemset(void *p, int value, size_t n) {
  if (n <= 1 << 20) memset(p, value, n);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t s) { return cudaMemset(p, value, n); }
cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
  memset(a, 0, sizeof *a);
  a->type = on_card(p) ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  if (on_card(p)) a->devicePointer = (void *)p;
  return cudaSuccess;
}

/* --- the card ----------------------------------------------------------------------------- */
cudaError_t cudaGetDeviceCount(int *n) { *n = 1; return cudaSuccess; }
cudaError_t cudaGetDevice(int *n) { *n = 0; return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *v) { *v = CUDART_VERSION; return cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *v) { *v = CUDART_VERSION; return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int d) {
  const char *name = getenv("NO_GPU_NAME");
  memset(p, 0, sizeof *p);
  snprintf(p->name, sizeof p->name, "%s", name ? name : "no GPU");
  p->major = card[0];
  p->minor = card[1];
  p->multiProcessorCount = card[2];
  p->totalGlobalMem = card[3];
  p->maxThreadsPerMultiProcessor = card[4];
  p->maxBlocksPerMultiProcessor = card[5];
  p->sharedMemPerBlockOptin = card[6];
  p->sharedMemPerMultiprocessor = card[6] + 1024;
  p->l2CacheSize = card[7];
  p->sharedMemPerBlock = 48 << 10;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->textureAlignment = 512;
  p->cooperativeLaunch = p->unifiedAddressing = p->concurrentKernels = 1;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *v, enum cudaDeviceAttr a, int d) {
  switch (a) {
    case cudaDevAttrComputeCapabilityMajor: *v = card[0]; break;
    case cudaDevAttrComputeCapabilityMinor: *v = card[1]; break;
    case cudaDevAttrMultiProcessorCount: *v = card[2]; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *v = card[4]; break;
    case cudaDevAttrMaxBlocksPerMultiprocessor: *v = card[5]; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *v = card[6]; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *v = card[6] + 1024; break;
    case cudaDevAttrL2CacheSize: *v = card[7]; break;
    case cudaDevAttrMaxThreadsPerBlock: case cudaDevAttrMaxBlockDimX: case cudaDevAttrMaxBlockDimY: *v = 1024; break;
    case cudaDevAttrMaxBlockDimZ: *v = 64; break;
    case cudaDevAttrMaxGridDimX: *v = 2147483647; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *v = 65535; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *v = 48 << 10; break;
    case cudaDevAttrMaxRegistersPerBlock: case cudaDevAttrMaxRegistersPerMultiprocessor: *v = 65536; break;
    case cudaDevAttrWarpSize: *v = 32; break;
    case cudaDevAttrCooperativeLaunch: case cudaDevAttrUnifiedAddressing: *v = 1; break;
    default: *v = 0;
  }
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *a, const void *f) {
  memset(a, 0, sizeof *a);
  a->maxThreadsPerBlock = 1024;
  a->numRegs = 32;
  /* Of what PyTorch's kernels are built for, the last that this card runs. */
  static const int built[] = {70, 75, 80, 86, 90, 100, 120};
  for (int i = 0; i < sizeof built / sizeof *built; i++)
    if (built[i] <= card[0] * 10 + card[1]) a->ptxVersion = a->binaryVersion = built[i];
  a->maxDynamicSharedSizeBytes = 48 << 10;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *f, int threads, size_t shared, unsigned flags) {
  unsigned long long fit = card[4] / (threads > 0 ? threads : 1);
  *n = fit < card[5] ? fit : card[5];
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *l, int *g) { *l = 0; *g = -5; return cudaSuccess; }
cudaError_t cudaDeviceCanAccessPeer(int *can, int a, int b) { *can = 0; return cudaSuccess; }
cudaError_t cudaDeviceGetPCIBusId(char *text, int n, int d) { snprintf(text, n, "0000:01:00.0"); return 0; }
const char *cudaGetErrorString(cudaError_t e) { return e == cudaErrorMemoryAllocation ? "out of memory" : "an error without a GPU"; }
const char *cudaGetErrorName(cudaError_t e) { return "cudaError"; }

/* --- streams, events, kernels -------------------------------------------------------------- */
static void *made(void) { return calloc(1, 256); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned f, int p) { *s = made(); return 0; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned f) { *s = made(); return 0; }
cudaError_t cudaStreamCreate(cudaStream_t *s) { *s = made(); return 0; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned f) { *e = made(); return 0; }
cudaError_t cudaEventCreate(cudaEvent_t *e) { *e = made(); return 0; }
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b) { *ms = 1; return 0; }
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *c) { *c = 0; return 0; }
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t s, enum cudaStreamCaptureStatus *c) { *c = 0; return 0; }
cudaError_t cudaStreamGetCaptureInfo_v2(cudaStream_t s, enum cudaStreamCaptureStatus *c) { *c = 0; return 0; }
cudaError_t cudaStreamGetPriority(cudaStream_t s, int *p) { *p = 0; return 0; }
cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *m) { return 0; }
cudaError_t cudaGetSymbolAddress(void **p, const void *symbol) { static char room[1 << 20]; *p = room; return 0; }
void **__cudaRegisterFatBinary(void *binary) { static void *handle[1]; return handle; }
cudaError_t __cudaGetKernel(void **kernel, const void *f) { *kernel = (void *)f; return 0; }
char __cudaInitModule(void **handle) { return 0; }

/* --- the driver's functions that torch asks the runtime for --------------------------------- */
static CUresult reserve(CUdeviceptr *p, size_t size, size_t a, CUdeviceptr b, unsigned long long f) {
  *p = place(size);
  return CUDA_SUCCESS;
}
static CUresult create(CUmemGenericAllocationHandle *h, size_t size, const void *p, unsigned long long f) {
  if (used + size > capacity()) return CUDA_ERROR_OUT_OF_MEMORY;
  used += size;
  *h = size; /* release finds the size in the handle */
  return CUDA_SUCCESS;
}
static CUresult release(CUmemGenericAllocationHandle h) { used -= h; return CUDA_SUCCESS; }
static CUresult attribute(int *v, int a, int d) { return (CUresult)cudaDeviceGetAttribute(v, a, d); }
static CUresult get(int *d, int n) { *d = n; return CUDA_SUCCESS; }
static CUresult state(int d, unsigned *flags, int *active) { if (flags) *flags = 0; *active = 1; return CUDA_SUCCESS; }
static CUresult context(void **c) { static int here; *c = &here; return CUDA_SUCCESS; }
static CUresult text(CUresult e, const char **s) { *s = "no GPU"; return CUDA_SUCCESS; }
static CUresult nothing(void) { return CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxGetState(CUdevice d, unsigned *flags, int *active) { return state(d, flags, active); }
CUresult cuCtxGetCurrent(CUcontext *c) { return context((void **)c); }
CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) { return attribute(v, a, d); }
CUresult cuDeviceGet(CUdevice *d, int n) { return get(d, n); }
/* What cuDNN loads its kernels with, those that it makes while it plans among them. */
static void *made(void);
CUresult cuDeviceGetCount(int *n) { *n = 1; return CUDA_SUCCESS; }
CUresult cuLibraryLoadData(CUlibrary *l, const void *code, CUjit_option *jo, void **jv, unsigned jn, CUlibraryOption *o, void **v, unsigned n) { *l = made(); return CUDA_SUCCESS; }
CUresult cuLibraryLoadFromFile(CUlibrary *l, const char *name, CUjit_option *jo, void **jv, unsigned jn, CUlibraryOption *o, void **v, unsigned n) { *l = made(); return CUDA_SUCCESS; }
CUresult cuLibraryGetKernel(CUkernel *k, CUlibrary l, const char *name) { *k = made(); return CUDA_SUCCESS; }
CUresult cuLibraryUnload(CUlibrary l) { return CUDA_SUCCESS; }
CUresult cuKernelGetAttribute(int *v, CUfunction_attribute a, CUkernel k, CUdevice d) { *v = 0; return CUDA_SUCCESS; }
CUresult cuKernelSetAttribute(CUfunction_attribute a, int v, CUkernel k, CUdevice d) { return CUDA_SUCCESS; }
CUresult cuOccupancyMaxPotentialClusterSize(int *n, CUfunction f, const CUlaunchConfig *c) { *n = 16; return CUDA_SUCCESS; }
CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **p, void **e) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *v) { *v = CUDART_VERSION; return CUDA_SUCCESS; }
CUresult cuGetErrorName(CUresult e, const char **s) { return text(e, s); }
CUresult cuCtxGetLimit(size_t *v, CUlimit l) { *v = 1 << 20; return CUDA_SUCCESS; }
CUresult cuStreamGetCtx(CUstream s, CUcontext *c) { return context((void **)c); }
static void *driver(const char *name) {
  return !strcmp(name, "cuMemAddressReserve") ? (void *)reserve
       : !strcmp(name, "cuMemCreate") ? (void *)create
       : !strcmp(name, "cuMemRelease") ? (void *)release
       : !strcmp(name, "cuDeviceGetAttribute") ? (void *)attribute
       : !strcmp(name, "cuDevicePrimaryCtxGetState") ? (void *)state
       : !strcmp(name, "cuCtxGetCurrent") ? (void *)context
       : !strcmp(name, "cuDeviceGet") ? (void *)get
       : !strcmp(name, "cuGetErrorString") ? (void *)text : (void *)nothing;
}
#undef cudaGetDriverEntryPoint
#undef cudaGetDriverEntryPointByVersion
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **f, unsigned v, unsigned long long flags, enum cudaDriverEntryPointQueryResult *r) {
  if (r) *r = cudaDriverEntryPointSuccess;
  *f = driver(name);
  return cudaSuccess;
}
cudaError_t cudaGetDriverEntryPoint(const char *name, void **f, unsigned long long flags, enum cudaDriverEntryPointQueryResult *r) {
  return cudaGetDriverEntryPointByVersion(name, f, 0, flags, r);
}
/* c10::cuda::get_fabric_access(signed char), which would ask NVML: no fabric handles. */
_Bool _ZN3c104cuda17get_fabric_accessEa(signed char device) { return 0; }

/* --- cuBLAS --------------------------------------------------------------------------------- */
int cublasCreate_v2(void **h) { *h = made(); return 0; }
int cublasGetMathMode(void *h, int *mode) { *mode = 0; return 0; }
int cublasGetPointerMode_v2(void *h, int *mode) { *mode = 0; return 0; }
int cublasLtMatmulDescCreate(void **d, int c, int s) { *d = made(); return 0; }
int cublasLtMatmulPreferenceCreate(void **d) { *d = made(); return 0; }
int cublasLtMatrixLayoutCreate(void **d, int t, uint64_t r, uint64_t c, int64_t l) { *d = made(); return 0; }
int cublasLtMatmulAlgoGetHeuristic(void *h, void *op, void *a, void *b, void *c, void *d, void *pref, int asked, void *results, int *found) {
  *found = asked; /* zeros: success, no workspace */
  memset(results, 0, asked * sizeof(struct { uint64_t algo[8]; size_t bytes; int state; float waves; int reserved[4]; }));
  return 0;
}
size_t cublasLtGetVersion(void) { return CUDART_VERSION * 10; }

/* --- cuDNN: the real one's answers for a card that is not there ------------------------------ */
enum { HEURISTICS = 201, HEURISTICS_RESULTS = 202, HEURISTICS_DEVICE = 204, GRAPH_HANDLE = 800,
       PLAN_HANDLE = 400, PLAN_DEVICE = 407, PLAN_WORKSPACE = 402, DEVICE = 38, DEVICE_JSON = 2702,
       TYPE_INT64 = 3, TYPE_DESCRIPTOR = 15, TYPE_CHAR = 24 };
typedef void *Descriptor;
static void *real(const char *name) {
  static void *library;
  if (!library) library = dlopen("libcudnn.so.9", RTLD_LAZY);
  void *found = library ? dlsym(library, name) : 0;
  if (!found) { fprintf(stderr, "cuDNN's %s is not there\n", name); abort(); }
  return found;
}
size_t cudnnGetVersion(void) { return ((size_t(*)(void))real("cudnnGetVersion"))(); }
size_t cudnnGetCudartVersion(void) { return CUDART_VERSION; }
const char *cudnnGetErrorString(int status) { return "an error of cuDNN without a GPU"; }
int cudnnCreate(void **h) { *h = made(); return 0; }
static const char *told(void) { return getenv("NO_GPU_JSON"); }
int cudnnBackendCreateDescriptor(int kind, Descriptor *d) {
  static int (*call)(int, Descriptor *);
  if (!told()) { *d = made(); return 0; }
  if (!call) call = real("cudnnBackendCreateDescriptor");
  return call(kind, d);
}
int cudnnBackendDestroyDescriptor(Descriptor d) {
  static int (*call)(Descriptor);
  if (!told()) { free(d); return 0; }
  if (!call) call = real("cudnnBackendDestroyDescriptor");
  return call(d);
}
int cudnnBackendFinalize(Descriptor d) {
  static int (*call)(Descriptor);
  if (!told()) return 0;
  if (!call) call = real("cudnnBackendFinalize");
  return call(d);
}
static int (*set)(Descriptor, int, int, int64_t, const void *);
static Descriptor device(void) {
  static Descriptor made_once;
  const char *text = told();
  if (!made_once) {
    Descriptor d;
    int status = cudnnBackendCreateDescriptor(DEVICE, &d);
    if (!status) status = set(d, DEVICE_JSON, TYPE_CHAR, strlen(text) + 1, text);
    if (!status) status = cudnnBackendFinalize(d);
    if (status) { fprintf(stderr, "cuDNN does not take NO_GPU_JSON: %d\n", status); abort(); }
    made_once = d;
  }
  return made_once;
}
int cudnnBackendSetAttribute(Descriptor d, int name, int type, int64_t n, const void *values) {
  if (!told() || name == GRAPH_HANDLE) return 0;
  if (!set) set = real("cudnnBackendSetAttribute");
  Descriptor card_of_plan = device();
  if (name == PLAN_HANDLE) return set(d, PLAN_DEVICE, TYPE_DESCRIPTOR, 1, &card_of_plan);
  if (name == HEURISTICS) set(d, HEURISTICS_DEVICE, TYPE_DESCRIPTOR, 1, &card_of_plan);
  return set(d, name, type, n, values);
}
/* What a cuDNN that cannot be asked has: one plan for each question, of no notes and no workspace. */
static int made_up(int name, int type, int64_t n, int64_t *found, void *values) {
  int64_t here = name == HEURISTICS_RESULTS || type == TYPE_INT64;
  if (found) *found = here;
  if (here && type == TYPE_INT64 && n) *(int64_t *)values = 0;
  return 0;
}
int cudnnBackendGetAttribute(Descriptor d, int name, int type, int64_t n, int64_t *found, void *values) {
  static int (*call)(Descriptor, int, int, int64_t, int64_t *, void *);
  if (!told()) return made_up(name, type, n, found, values);
  if (!call) call = real("cudnnBackendGetAttribute");
  int status = call(d, name, type, n, found, values);
  if (!status && name == PLAN_WORKSPACE && n && getenv("NO_GPU_NO_WORKSPACE")) *(int64_t *)values = 0;
  return status;
}
/* Batch norm's own sizes need a card to be asked: none is assumed. Recurrent layers cannot be run. */
int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void *h, int m, int o, void *x, void *z, void *y, void *p, void *a, size_t *n) { *n = 0; return 0; }
int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void *h, int m, int o, void *x, void *y, void *dy, void *dz, void *dx, void *p, void *a, size_t *n) { *n = 0; return 0; }
int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void *h, int m, int o, void *a, void *x, size_t *n) { *n = 0; return 0; }
int cudnnGetRNNWeightSpaceSize(void *h, void *d, size_t *n) { return 3000; }
int cudnnGetRNNTempSpaceSizes(void *h, void *d, int m, void *x, size_t *w, size_t *r) { return 3000; }
int cudnnDropoutGetStatesSize(void *h, size_t *n) { return 3000; }
int cudnnGetProperty(int kind, int *value) { return ((int (*)(int, int *))real("cudnnGetProperty"))(kind, value); }
void cudnnGetLastErrorString(char *text, size_t n) { ((void (*)(char *, size_t))real("cudnnGetLastErrorString"))(text, n); }
