/* A CUDA runtime and driver with no GPU behind: enough for libc10_cuda.so's caching allocator.
 * Addresses only go up in steps of 2 MiB, memory is a counter up to FAKE_CAPACITY bytes. Never
 * dereference what it returns. Preload it in front of libcudart.so. */
#include <cuda.h>
#define cudaStreamGetCaptureInfo unused_declaration
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP (2ull << 20)
#define SLOTS (1 << 20)
#undef cudaStreamGetCaptureInfo
#undef cudaGetDeviceProperties
#undef cudaGetDriverEntryPointByVersion

static unsigned long long next_address = 0x7f0000000000ull, used;
static unsigned long long addresses[SLOTS], lengths[SLOTS];
static int count;

static unsigned long long capacity(void) {
  const char *text = getenv("FAKE_CAPACITY");
  return text ? strtoull(text, 0, 10) : 1ull << 40;
}
static unsigned long long total(void) {
  const char *text = getenv("FAKE_TOTAL");
  return text ? strtoull(text, 0, 10) : capacity();
}
static unsigned long long place(size_t size) {
  unsigned long long at = next_address;
  next_address += (size + STEP - 1) / STEP * STEP;
  return at;
}
cudaError_t cudaMalloc(void **p, size_t size) {
  if (used + size > capacity()) return cudaErrorMemoryAllocation;
  used += size;
  addresses[count] = place(size);
  lengths[count] = size;
  *p = (void *)addresses[count++];
  return cudaSuccess;
}
cudaError_t cudaFree(void *p) {
  for (int i = 0; i < count; i++)
    if (addresses[i] == (unsigned long long)p) {
      used -= lengths[i];
      addresses[i] = addresses[--count];
      lengths[i] = lengths[count];
      return cudaSuccess;
    }
  return p ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *f, size_t *t) {
  *t = total();
  *f = capacity() - used;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int *n) { *n = 1; return cudaSuccess; }
cudaError_t cudaGetDevice(int *n) { *n = 0; return cudaSuccess; }
cudaError_t cudaSetDevice(int n) { return cudaSuccess; }
cudaError_t cudaGetLastError(void) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *v) { *v = 13000; return cudaSuccess; }
cudaError_t cudaDeviceSynchronize(void) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t s) { return cudaSuccess; }
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *c) {
  *c = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int d) {
  memset(p, 0, sizeof *p);
  p->totalGlobalMem = total();
  p->major = 9;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *l, int *g) { *l = *g = 0; return cudaSuccess; }
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t s, enum cudaStreamCaptureStatus *c) {
  *c = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int *can, int a, int b) { *can = 0; return cudaSuccess; }
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
static CUresult attribute(int *v, int a, int d) { *v = 0; return CUDA_SUCCESS; }
static CUresult get(int *d, int n) { *d = n; return CUDA_SUCCESS; }
static CUresult text(CUresult e, const char **s) { *s = "fake"; return CUDA_SUCCESS; }
static CUresult nothing(void) { return CUDA_SUCCESS; }
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **f, unsigned v,
    unsigned long long flags, enum cudaDriverEntryPointQueryResult *r) {
  if (r) *r = cudaDriverEntryPointSuccess;
  *f = !strcmp(name, "cuMemAddressReserve") ? (void *)reserve
     : !strcmp(name, "cuMemCreate") ? (void *)create
     : !strcmp(name, "cuMemRelease") ? (void *)release
     : !strcmp(name, "cuDeviceGetAttribute") ? (void *)attribute
     : !strcmp(name, "cuDeviceGet") ? (void *)get
     : !strcmp(name, "cuGetErrorString") ? (void *)text : (void *)nothing;
  return cudaSuccess;
}
/* c10::cuda::get_fabric_access(signed char), which would ask NVML: no fabric handles. */
_Bool _ZN3c104cuda17get_fabric_accessEa(signed char device) { return 0; }
