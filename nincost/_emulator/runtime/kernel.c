/* Kernels: registered, asked for their limits, launched; they do nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

typedef struct { unsigned x, y, z; } Blocks;
API int cudaLaunchKernel(const void *kernel, Blocks grid, Blocks block, void **arguments, size_t shared, void *stream) { launched(kernel, arguments); return SUCCESS; }
API int cudaLaunchKernelExC(const void *config, const void *kernel, void **arguments) { launched(kernel, arguments); return SUCCESS; }
API int cudaLaunchCooperativeKernel(const void *kernel, Blocks grid, Blocks block, void **arguments, size_t shared, void *stream) { launched(kernel, arguments); return SUCCESS; }
API int __cudaLaunchKernel(const void *kernel, Blocks grid, Blocks block, void **arguments, size_t shared, void *stream) { launched(kernel, arguments); return SUCCESS; }
API int cuLaunchKernel(void *kernel, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream, void **arguments, void **extra) { launched(0, arguments); return SUCCESS; }
API int cuLaunchKernelEx(const void *config, void *kernel, void **arguments, void **extra) { launched(0, arguments); return SUCCESS; }
API int cuLaunchCooperativeKernel(void *kernel, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream, void **arguments) { launched(0, arguments); return SUCCESS; }

API void **__cudaRegisterFatBinary(void *binary) { static void *registered[1]; return registered; }
API int __cudaGetKernel(void **kernel, const void *function) { *kernel = (void *)function; return SUCCESS; }
API char __cudaInitModule(void **registered) { return 0; }
API int cudaGetSymbolAddress(void **address, const void *symbol) { static char room[1 << 20]; *address = room; return SUCCESS; }
API int cudaGetSymbolSize(size_t *bytes, const void *symbol) { *bytes = 0; return SUCCESS; }
API int cudaGetFuncBySymbol(void **function, const void *symbol) { *function = (void *)symbol; return SUCCESS; }

/* PyTorch's wheels hold kernels for these; the last that the card runs is what it loads. */
static int built_for(void) {
  static const int built[] = {50, 60, 70, 75, 80, 86, 90, 100, 120};
  int found = 0;
  for (int i = 0; i < (int)(sizeof built / sizeof *built); i++)
    if (built[i] <= (int)(card.major * 10 + card.minor)) found = built[i];
  return found;
}
typedef struct {
  size_t shared, constant, local;
  int threads, registers, ptx, binary, caches, dynamic_shared, carveout, needs_cluster, cluster[3],
      policy, larger_clusters, reserved[16];
} FunctionAttributes;
API int cudaFuncGetAttributes(FunctionAttributes *found, const void *kernel) {
  *found = (FunctionAttributes){.threads = 1024, .registers = 32, .ptx = built_for(), .binary = built_for(), .dynamic_shared = 48 << 10};
  return SUCCESS;
}
static int function_attribute(int which) {
  switch (which) {
    case 0: return 1024;            /* threads of a block */
    case 4: return 32;              /* registers of a thread */
    case 5: case 6: return built_for();
    case 8: return 48 << 10;        /* dynamic shared memory */
    default: return 0;
  }
}
API int cuFuncGetAttribute(int *value, int which, void *kernel) { *value = function_attribute(which); return SUCCESS; }
API int cuKernelGetAttribute(int *value, int which, void *kernel, int device) { *value = function_attribute(which); return SUCCESS; }
API int cuKernelSetAttribute(int which, int value, void *kernel, int device) { return SUCCESS; }

static int active_blocks(int *blocks, int threads) {
  unsigned long long fit = card.threads / (threads > 0 ? threads : 1);
  *blocks = (int)(fit < card.blocks ? fit : card.blocks);
  return SUCCESS;
}
API int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t shared) { return active_blocks(blocks, threads); }
API int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *kernel, int threads, size_t shared, unsigned flags) { return active_blocks(blocks, threads); }
API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *kernel, int threads, size_t shared) { return active_blocks(blocks, threads); }
API int cuOccupancyMaxActiveClusters(int *clusters, void *kernel, const void *config) { *clusters = 16; return SUCCESS; }
API int cuOccupancyMaxPotentialClusterSize(int *blocks, void *kernel, const void *config) { *blocks = 16; return SUCCESS; }
API int cudaOccupancyMaxActiveClusters(int *clusters, const void *kernel, const void *config) { *clusters = 16; return SUCCESS; }
API int cudaOccupancyMaxPotentialClusterSize(int *blocks, const void *kernel, const void *config) { *blocks = 16; return SUCCESS; }

/* --- code that is loaded at run time, by Triton, by NVRTC's users and by cuDNN while it plans --- */
API int cudaLibraryLoadData(void **made, const void *code, ...) { *made = handle(0); return SUCCESS; }
API int cudaLibraryGetKernel(void **kernel, void *from, const char *name) { *kernel = handle(0); return SUCCESS; }
API int cuLibraryLoadData(void **made, const void *code, ...) { *made = handle(0); return SUCCESS; }
API int cuLibraryLoadFromFile(void **made, const char *name, ...) { *made = handle(0); return SUCCESS; }
API int cuLibraryGetKernel(void **kernel, void *from, const char *name) { *kernel = handle(0); return SUCCESS; }
API int cuLibraryGetModule(void **module, void *from) { *module = from; return SUCCESS; }
API int cuLibraryUnload(void *made) { return SUCCESS; }
API int cuKernelGetFunction(void **function, void *kernel) { *function = kernel; return SUCCESS; }
API int cuModuleLoad(void **made, const char *name) { *made = handle(0); return SUCCESS; }
API int cuModuleLoadData(void **made, const void *code) { *made = handle(0); return SUCCESS; }
API int cuModuleLoadDataEx(void **made, const void *code, unsigned count, void *options, void **values) { *made = handle(0); return SUCCESS; }
API int cuModuleGetFunction(void **kernel, void *module, const char *name) { *kernel = handle(0); return SUCCESS; }
API int cuModuleUnload(void *made) { free(made); return SUCCESS; }
