/* The driver's functions that cuDNN looks up by name before it plans without a card: where they are
 * missing it leaves out all plans whose kernels it compiles itself. Nothing is ever loaded or launched,
 * and there is no cuInit: CUDA's runtime finds no driver here. Signatures are those of cuda.h. */
#include <stddef.h>
#include <stdlib.h>

#define API __attribute__((visibility("default")))

static void *context = &context;

API int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
API int cuDeviceGetCount(int *count) { *count = 1; return 0; }
API int cuDeviceGet(int *device, int number) { *device = number; return 0; }
API int cuGetErrorName(int error, const char **text) { *text = "none"; return 0; }
API int cuGetErrorString(int error, const char **text) { *text = "none"; return 0; }
API int cuCtxGetCurrent(void **found) { *found = context; return 0; }
API int cuCtxPopCurrent(void **found) { if (found) *found = context; return 0; }
API int cuCtxPushCurrent(void *pushed) { return 0; }
API int cuCtxGetLimit(size_t *value, int limit) { *value = 1 << 20; return 0; }
API int cuStreamGetCtx(void *stream, void **found) { *found = context; return 0; }
API int cuLibraryLoadData(void **made, const void *code, ...) { *made = malloc(1); return 0; }
API int cuLibraryLoadFromFile(void **made, const char *path, ...) { *made = malloc(1); return 0; }
API int cuLibraryGetKernel(void **kernel, void *library, const char *name) { *kernel = library; return 0; }
API int cuLibraryUnload(void *library) { free(library); return 0; }
API int cuKernelGetAttribute(int *value, int which, void *kernel, int device) { *value = 0; return 0; }
API int cuOccupancyMaxPotentialClusterSize(int *size, void *kernel, const void *launch) { *size = 8; return 0; }
API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *kernel, int threads, size_t shared) { *blocks = 1; return 0; }

/* What has nothing to do but to succeed. */
#define DONE(name) API int name(void) { return 0; }
DONE(cuKernelSetAttribute) DONE(cuLaunchKernel) DONE(cuLaunchCooperativeKernel) DONE(cuLaunchKernelEx)
DONE(cuLinkCreate) DONE(cuLinkAddData) DONE(cuLinkComplete) DONE(cuLinkDestroy)
