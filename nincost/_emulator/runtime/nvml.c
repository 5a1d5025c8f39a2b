/* NVML, which PyTorch asks how much memory this process has, and Python libraries how many cards
 * there are. A library of its own, as it is looked for under a name of its own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6 };

/* The emulated CUDA is preloaded beside this library. */
static void *cuda(const char *name) { return dlsym(RTLD_DEFAULT, name); }
static int devices(void) { /* all of them, visible to CUDA or not */
  const char *text = getenv("NINCOST_EMULATED_DEVICES");
  return text ? atoi(text) : 1;
}
static int number(void *device) { return (int)(size_t)device - 1; }
static unsigned long long used(void *device) {
  int (*visible)(int) = cuda("nincost_emulated_visible");
  unsigned long long (*bytes)(int) = cuda("nincost_emulated_process_bytes");
  return visible && bytes && visible(number(device)) >= 0 ? bytes(visible(number(device))) : 0;
}
static int find(int device, void **found) {
  if (device < 0 || device >= devices()) return NOT_FOUND;
  *found = (void *)(size_t)(device + 1);
  return SUCCESS;
}
API int nvmlInit(void) { return SUCCESS; }
API int nvmlInit_v2(void) { return SUCCESS; }
API int nvmlInitWithFlags(unsigned flags) { return SUCCESS; }
API int nvmlShutdown(void) { return SUCCESS; }
API const char *nvmlErrorString(int status) { return status ? "not supported by the emulated GPU" : "success"; }
API int nvmlSystemGetCudaDriverVersion(int *version) { int (*call)(int *) = cuda("cudaDriverGetVersion"); return call ? call(version) : NOT_FOUND; }
API int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }
API int nvmlSystemGetDriverVersion(char *text, unsigned bytes) { snprintf(text, bytes, "580.00.00"); return SUCCESS; }
API int nvmlDeviceGetCount(unsigned *count) { *count = devices(); return SUCCESS; }
API int nvmlDeviceGetCount_v2(unsigned *count) { *count = devices(); return SUCCESS; }
API int nvmlDeviceGetHandleByIndex(unsigned index, void **device) { return find(index, device); }
API int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { return find(index, device); }
API int nvmlDeviceGetHandleByPciBusId_v2(const char *text, void **device) {
  unsigned domain, bus;
  return sscanf(text, "%x:%x", &domain, &bus) == 2 ? find((int)bus - 1, device) : INVALID;
}
API int nvmlDeviceGetIndex(void *device, unsigned *index) { *index = number(device); return SUCCESS; }
API int nvmlDeviceGetUUID(void *device, char *text, unsigned bytes) { snprintf(text, bytes, "GPU-00000000-0000-0000-0000-%012x", number(device) + 1); return SUCCESS; }
API int nvmlDeviceGetName(void *device, char *text, unsigned bytes) {
  int (*call)(char *, int, int) = cuda("cuDeviceGetName");
  return call ? call(text, bytes, number(device)) : NOT_FOUND;
}
typedef struct { unsigned long long total, free, used; } Memory;
API int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
  int (*total)(size_t *, int) = cuda("cuDeviceTotalMem_v2");
  size_t bytes = 0;
  if (!total || total(&bytes, number(device))) return NOT_FOUND;
  memory->total = bytes;
  memory->used = used(device);
  memory->free = memory->total - memory->used;
  return SUCCESS;
}
typedef struct { unsigned process; unsigned long long bytes; } Process;
API int nvmlDeviceGetComputeRunningProcesses(void *device, unsigned *count, Process *found) {
  if (!*count || !found) return INVALID;
  *count = 1;
  found[0] = (Process){getpid(), used(device)};
  return SUCCESS;
}
API int nvmlDeviceGetP2PStatus(void *a, void *b, int which, int *status) { *status = 0; return SUCCESS; }
/* No NVLink fabric between nodes: all zeros, after the version that the caller set. */
typedef struct { unsigned version; unsigned char cluster[16]; int status; unsigned clique; unsigned char state; unsigned health; } Fabric;
API int nvmlDeviceGetGpuFabricInfoV(void *device, Fabric *info) { *info = (Fabric){info->version}; return SUCCESS; }
API int nvmlDeviceGetNvLinkRemoteDeviceType(void *device, unsigned link, int *type) { return NOT_SUPPORTED; }
API int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *device, unsigned link, void *info) { return NOT_SUPPORTED; }
