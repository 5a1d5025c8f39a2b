/* The machine: its cards, their properties and attributes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

Card card = {9, 0, 132, 85020639232ull, 2048, 32, 232448, 52428800, 1980000, 2619000, "NVIDIA H100"};
int all_devices = 1;
static int visible, physical[MOST_DEVICES]; /* a visible device's number among all */
static pthread_once_t looked = PTHREAD_ONCE_INIT;
static __thread int current;

unsigned long long setting(const char *name, unsigned long long otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtoull(text, 0, 0) : otherwise;
}

/* CUDA_VISIBLE_DEVICES: those up to the first that is not there; UUIDs are taken as they come. It is
 * read when CUDA is first used, as scripts set it before. */
static void look(void) {
  const char *text = getenv("CUDA_VISIBLE_DEVICES");
  int found = 0, devices = all_devices;
  if (!text)
    while (found < devices) physical[found] = found, found++;
  while (text && *text && found < devices) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text && !strncmp(text, "GPU-", 4)) number = found;
    else if (end == text) break;
    if (number < 0 || number >= devices) break;
    physical[found++] = (int)number;
    text += strcspn(text, ",");
    if (*text) text++;
  }
  visible = found;
}

__attribute__((constructor(101))) static void read_settings(void) {
  const char *text = getenv("NINCOST_EMULATED_CARD");
  if (text)
    sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", &card.major, &card.minor,
           &card.multiprocessors, &card.bytes, &card.threads, &card.blocks, &card.shared,
           &card.l2_bytes, &card.clock_khz, &card.memory_clock_khz);
  const char *name = getenv("NINCOST_EMULATED_NAME");
  if (name) card.name = name;
  unsigned long long devices = setting("NINCOST_EMULATED_DEVICES", 1);
  all_devices = devices < MOST_DEVICES ? (int)devices : MOST_DEVICES;
}

int device_count(void) {
  pthread_once(&looked, look);
  return visible;
}
int current_device(void) { return current; }
/* The number among visible devices, or -1: NVML numbers all of them. */
API int nincost_emulated_visible(int number) {
  for (int device = 0; device < device_count(); device++)
    if (physical[device] == number) return device;
  return -1;
}
void *handle(size_t bytes) { return calloc(1, bytes < 256 ? 256 : bytes); }

API int cudaGetDeviceCount(int *count) {
  *count = device_count();
  return *count ? SUCCESS : NO_DEVICE;
}
API int cudaGetDevice(int *device) {
  *device = current;
  return device_count() ? SUCCESS : NO_DEVICE;
}
API int cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return device_count() ? INVALID_DEVICE : NO_DEVICE;
  current = device;
  return SUCCESS;
}
API int cudaInitDevice(int device, unsigned flags, unsigned more) { return SUCCESS; }
API int cudaChooseDevice(int *device, const void *properties) { *device = 0; return SUCCESS; }
API int cudaDriverGetVersion(int *version) { *version = emulated_cuda_version; return SUCCESS; }
API int cudaRuntimeGetVersion(int *version) { *version = emulated_cuda_version; return SUCCESS; }

/* NVLink joins data-center cards; GeForce's driver has no peer access. */
static int peers(void) { return !strstr(card.name, "GeForce"); }
API int cudaDeviceCanAccessPeer(int *can, int a, int b) { *can = a != b && peers(); return SUCCESS; }
API int cudaDeviceGetP2PAttribute(int *value, int attribute, int a, int b) {
  *value = attribute == 2 ? 0 : a != b && peers(); /* 2: native atomics */
  return SUCCESS;
}
API int cudaDeviceGetPCIBusId(char *text, int bytes, int device) {
  snprintf(text, bytes, "0000:%02x:00.0", physical[device] + 1);
  return SUCCESS;
}
API int cudaDeviceGetByPCIBusId(int *device, const char *text) {
  unsigned domain, bus;
  if (sscanf(text, "%x:%x", &domain, &bus) != 2) return INVALID_VALUE;
  *device = nincost_emulated_visible((int)bus - 1);
  return *device < 0 ? INVALID_DEVICE : SUCCESS;
}
API int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return SUCCESS; }

/* cudaDeviceAttr and CUdevice_attribute, which share their numbers */
static int attribute(int which) {
  switch (which) {
    case 1: case 2: case 3: return 1024;       /* threads of a block, and of its x and y */
    case 4: return 64;                         /* and z */
    case 5: return 2147483647;                 /* blocks of a grid: x */
    case 6: case 7: return 65535;              /* y and z */
    case 8: return 48 << 10;                   /* shared memory of a block */
    case 9: return 65536;                      /* constant memory */
    case 10: return 32;                        /* threads of a warp */
    case 11: return 2147483647;                /* pitch */
    case 12: case 82: return 65536;            /* registers of a block, of a multiprocessor */
    case 13: return card.clock_khz;
    case 14: return 512;                       /* alignment of textures */
    case 15: case 31: case 41: case 78: case 95: return 1; /* overlap, concurrent kernels, unified
                                                  addresses, stream priorities, cooperative launch */
    case 16: return card.multiprocessors;
    case 19: case 83: case 99: return 1;       /* mapped host memory, managed, registered */
    case 36: return card.memory_clock_khz;
    case 38: return card.l2_bytes;
    case 39: return card.threads;
    case 40: return 3;                         /* copy engines */
    case 75: return card.major;
    case 76: return card.minor;
    case 81: return card.shared + 1024;        /* shared memory of a multiprocessor */
    case 97: return card.shared;               /* of a block that opts in */
    case 106: return card.blocks;
    case 111: return card.major >= 8 ? 1024 : 0; /* shared memory that CUDA keeps for itself */
    case 102: case 115: return 1;              /* virtual memory, memory pools */
    case 103: return 1;                        /* handles that are file descriptors */
    case 120: return card.major >= 9;          /* clusters */
    case 125: return 1;                        /* events between processes */
    default: return 0;
  }
}
API int cudaDeviceGetAttribute(int *value, int which, int device) {
  if (device < 0 || device >= device_count()) return INVALID_DEVICE;
  *value = which == 33 ? physical[device] + 1 : attribute(which); /* 33: PCI bus */
  return SUCCESS;
}

/* As NVML writes it: GPU-00000000-0000-0000-0000-000000000001 */
const unsigned char *uuid_of(int device) {
  static __thread unsigned char uuid[16];
  uuid[15] = physical[device] + 1;
  return uuid;
}

/* cudaDeviceProp: where its fields lie in CUDA 12 (1032 bytes) and from CUDA 13 on (1008 bytes). */
static void fill_properties(char *to, int device) {
  int after = emulated_cuda_version >= 13000;
#define INT(twelve, thirteen, value) (*(int *)(to + (after ? thirteen : twelve)) = (int)(value))
#define SIZE(twelve, thirteen, value) (*(size_t *)(to + (after ? thirteen : twelve)) = (value))
  memset(to, 0, after ? 1008 : 1032);
  snprintf(to, 256, "%s", card.name);
  memcpy(to + 256, uuid_of(device), 16);
  SIZE(288, 288, card.bytes);
  SIZE(296, 296, 48 << 10);
  INT(304, 304, 65536); /* registers of a block */
  INT(308, 308, 32);
  SIZE(312, 312, 2147483647);
  INT(320, 320, 1024);
  for (int axis = 0; axis < 3; axis++) {
    INT(324 + 4 * axis, 324 + 4 * axis, attribute(2 + axis));
    INT(336 + 4 * axis, 336 + 4 * axis, attribute(5 + axis));
  }
  if (!after) {
    INT(348, 0, card.clock_khz);
    INT(608, 0, card.memory_clock_khz);
  }
  SIZE(352, 352, 65536); /* constant memory */
  INT(360, 360, card.major);
  INT(364, 364, card.minor);
  SIZE(368, 368, 512);
  SIZE(376, 376, 32);
  INT(388, 384, card.multiprocessors);
  INT(400, 392, 1); /* mapped host memory */
  INT(576, 560, 1); /* concurrent kernels */
  INT(584, 568, physical[device] + 1); /* PCI bus */
  INT(600, 584, 3);
  INT(604, 588, 1); /* unified addresses */
  INT(616, 596, card.l2_bytes);
  INT(624, 604, card.threads);
  INT(628, 608, 1);
  SIZE(640, 624, card.shared + 1024);
  INT(648, 632, 65536); /* registers of a multiprocessor */
  INT(652, 636, 1);     /* managed memory */
  INT(688, 668, 1);     /* cooperative launch */
  SIZE(696, 672, card.shared);
  INT(712, 688, card.blocks);
  SIZE(720, 696, attribute(111));
  INT(744, 720, 1); /* memory pools */
  INT(772, 748, attribute(120));
#undef INT
#undef SIZE
}
API int cudaGetDeviceProperties(void *properties, int device) {
  if (device < 0 || device >= device_count()) return INVALID_DEVICE;
  fill_properties(properties, device);
  return SUCCESS;
}
API int cudaGetDeviceProperties_v2(void *properties, int device) { return cudaGetDeviceProperties(properties, device); }

static const struct { int code; const char *name, *text; } errors[] = {
  {SUCCESS, "cudaSuccess", "no error"},
  {INVALID_VALUE, "cudaErrorInvalidValue", "invalid argument"},
  {OUT_OF_MEMORY, "cudaErrorMemoryAllocation", "out of memory"},
  {NO_DEVICE, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
  {INVALID_DEVICE, "cudaErrorInvalidDevice", "invalid device ordinal"},
  {INVALID_HANDLE, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
  {NOT_FOUND, "cudaErrorSymbolNotFound", "named symbol not found"},
  {PEER_ACCESS_ALREADY, "cudaErrorPeerAccessAlreadyEnabled", "peer access is already enabled"},
  {NOT_SUPPORTED, "cudaErrorNotSupported", "operation not supported"},
  {CAPTURE_UNSUPPORTED, "cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"},
  {CAPTURE_INVALIDATED, "cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"},
  {CAPTURE_UNJOINED, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
};
static int known(int code) {
  for (int i = 0; i < (int)(sizeof errors / sizeof *errors); i++)
    if (errors[i].code == code) return i;
  return -1;
}
API const char *cudaGetErrorString(int code) { return known(code) < 0 ? "an error of the emulated GPU" : errors[known(code)].text; }
API const char *cudaGetErrorName(int code) { return known(code) < 0 ? "cudaError" : errors[known(code)].name; }
API int cuGetErrorString(int code, const char **text) { *text = cudaGetErrorString(code); return SUCCESS; }
API int cuGetErrorName(int code, const char **text) { *text = cudaGetErrorName(code); return SUCCESS; }
