/* The driver's functions: devices, contexts, pointers, and how others find all of them by name.
 *
 * Not here on purpose: cuInit; and cuGetProcAddress, which vLLM's libraries link against, finds
 * nothing. The copy of CUDA's runtime inside cuDNN would take the rest of a driver for granted;
 * without them it finds no driver, and cuDNN plans without a card.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"

int cudaGetDeviceCount(int *);
int cudaSetDevice(int);
int cudaDeviceGetAttribute(int *, int, int);

API int cuDriverGetVersion(int *version) { *version = emulated_cuda_version; return SUCCESS; }
API int cuDeviceGetCount(int *count) { *count = device_count(); return SUCCESS; }
API int cuDeviceGet(int *device, int number) { *device = number; return number < device_count() ? SUCCESS : INVALID_DEVICE; }
API int cuDeviceGetName(char *text, int bytes, int device) { snprintf(text, bytes, "%s", card.name); return SUCCESS; }
API int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = card.bytes; return SUCCESS; }
API int cuDeviceGetAttribute(int *value, int which, int device) { return cudaDeviceGetAttribute(value, which, device); }
API int cuDeviceGetUuid(char *uuid, int device) { memcpy(uuid, uuid_of(device), 16); return SUCCESS; }
API int cuDeviceGetUuid_v2(char *uuid, int device) { return cuDeviceGetUuid(uuid, device); }
API int cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes) { free_and_total(current_device(), free_bytes, total_bytes); return SUCCESS; }

/* A context is its device's number, from 1 on. */
static void *context_of(int device) { return (void *)(size_t)(device + 1); }
API int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  if (flags) *flags = 0;
  *active = 1;
  return SUCCESS;
}
API int cuDevicePrimaryCtxRetain(void **context, int device) { *context = context_of(device); return SUCCESS; }
API int cuCtxGetCurrent(void **context) { *context = context_of(current_device()); return SUCCESS; }
API int cuCtxSetCurrent(void *context) { return context ? cudaSetDevice((int)(size_t)context - 1) : SUCCESS; }
API int cuCtxPushCurrent_v2(void *context) { return cuCtxSetCurrent(context); }
API int cuCtxPopCurrent_v2(void **context) { return context ? cuCtxGetCurrent(context) : SUCCESS; }
API int cuCtxPushCurrent(void *context) { return cuCtxSetCurrent(context); }
API int cuCtxPopCurrent(void **context) { return context ? cuCtxGetCurrent(context) : SUCCESS; }
API int cuCtxGetDevice(int *device) { *device = current_device(); return SUCCESS; }
API int cuCtxGetLimit(size_t *value, int which) { *value = 1 << 20; return SUCCESS; }
API int cudaDeviceGetLimit(size_t *value, int which) { *value = 1 << 20; return SUCCESS; }
API int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return SUCCESS; }
API int cuStreamGetCtx(void *stream, void **context) { return cuCtxGetCurrent(context); }

static int pointer_attribute(void *value, int which, unsigned long long pointer) {
  int device = device_of((void *)pointer);
  void *start;
  size_t bytes;
  if (device < 0) return INVALID_VALUE;
  range_of((void *)pointer, &start, &bytes);
  switch (which) {
    case 1: *(void **)value = context_of(device); break;
    case 2: *(int *)value = 2; break; /* a device's memory */
    case 3: *(unsigned long long *)value = pointer; break;
    case 7: *(unsigned long long *)value = (unsigned long long)start; break; /* an id of the allocation */
    case 8: *(int *)value = 0; break; /* not managed */
    case 9: *(int *)value = device; break;
    case 11: *(void **)value = start; break;
    case 12: *(size_t *)value = bytes; break;
    default: *(int *)value = 0;
  }
  return SUCCESS;
}
API int cuPointerGetAttribute(void *value, int which, unsigned long long pointer) { return pointer_attribute(value, which, pointer); }
API int cuPointerGetAttributes(unsigned count, int *which, void **values, unsigned long long pointer) {
  for (unsigned i = 0; i < count; i++) pointer_attribute(values[i], which[i], pointer);
  return SUCCESS;
}

/* What others find by name, or link against, and has nothing to do but to succeed. */
#define DONE(name) API int name(void) { return SUCCESS; }
DONE(cuCtxSetLimit) DONE(cuCtxSynchronize) DONE(cuDevicePrimaryCtxRelease_v2)
DONE(cuFuncSetAttribute) DONE(cuFuncSetCacheConfig) DONE(cuFuncSetSharedMemConfig)
DONE(cuTensorMapEncodeTiled) DONE(cuTensorMapEncodeIm2col) DONE(cuTensorMapReplaceAddress)
DONE(cuLinkCreate) DONE(cuLinkCreate_v2) DONE(cuLinkAddData) DONE(cuLinkAddData_v2)
DONE(cuLinkComplete) DONE(cuLinkDestroy)
DONE(cuMemMap) DONE(cuMemSetAccess)
DONE(cuMemGetAllocationPropertiesFromHandle)
DONE(cuMulticastAddDevice) DONE(cuMulticastBindMem) DONE(cuMulticastBindAddr) DONE(cuMulticastUnbind)
DONE(cuMemsetD32Async) DONE(cuStreamWriteValue32) DONE(cuStreamWaitValue32)
DONE(cuStreamWriteValue32_v2) DONE(cuStreamWaitValue32_v2) DONE(cuStreamBatchMemOp)
DONE(cuStreamSynchronize) DONE(cuStreamQuery) DONE(cuStreamDestroy_v2) DONE(cuStreamWaitEvent)
DONE(cuEventRecord) DONE(cuEventQuery) DONE(cuEventSynchronize) DONE(cuEventDestroy_v2)
DONE(cuLogsRegisterCallback) DONE(cuLogsUnregisterCallback)

/* Green contexts, parts of a card, are not emulated. */
#define MISSING(name) API int name(void) { return NOT_SUPPORTED; }
MISSING(cuCtxFromGreenCtx) MISSING(cuGreenCtxCreate) MISSING(cuGreenCtxDestroy)
MISSING(cuGreenCtxStreamCreate) MISSING(cuDevSmResourceSplitByCount)
MISSING(cuDeviceGetDevResource) MISSING(cuDevResourceGenerateDesc)

API int cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags, int *found) {
  *function = 0;
  if (found) *found = 1; /* no such symbol */
  return NOT_FOUND;
}

static int nothing(void) { return SUCCESS; }
API int cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long flags, int *found) {
  static void *self;
  if (!self) {
    Dl_info here;
    if (dladdr((void *)cuDriverGetVersion, &here)) self = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  }
  *function = self ? dlsym(self, name) : 0;
  if (!*function) {
    note("driver function", name);
    *function = (void *)nothing;
  }
  if (found) *found = 0;
  return SUCCESS;
}
API int cudaGetDriverEntryPoint(const char *name, void **function, unsigned long long flags, int *found) { return cudaGetDriverEntryPointByVersion(name, function, 0, flags, found); }
