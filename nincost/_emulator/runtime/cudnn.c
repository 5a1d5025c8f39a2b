/* cuDNN: the real one's answers for a card that is not there.
 *
 * Descriptors and heuristics are passed to the real library with a description of the card in place of
 * its handle (cuDNN 9.8 and later; an older one is not queried). Its kernels are never executed. Names
 * are those of cudnn_graph.h.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum {
  HEURISTICS_GRAPH = 201, HEURISTICS_RESULTS = 202, HEURISTICS_DEVICE = 204, PLAN_HANDLE = 400,
  PLAN_WORKSPACE = 402, PLAN_DEVICE = 407, GRAPH_HANDLE = 800, DEVICE_JSON = 2702, /* attributes */
  DEVICE_PROPERTIES = 38,                             /* a kind of descriptor */
  INT64 = 3, DESCRIPTOR = 15, CHARACTER = 24,         /* types */
  CUDNN_NOT_SUPPORTED = 3000,
};
typedef void *Descriptor;
static const char *json;
static int no_workspace;
__attribute__((constructor(103))) static void begin(void) {
  json = getenv("NINCOST_EMULATED_CUDNN");
  no_workspace = getenv("NINCOST_EMULATED_NO_WORKSPACE") != 0;
}

static void *real(const char *name) {
  static void *library;
  if (!library) library = dlopen("libcudnn.so.9", RTLD_LAZY);
  void *found = library ? dlsym(library, name) : 0;
  if (!found) {
    fprintf(stderr, "nincost: cuDNN 9 has no %s, which the emulated GPU needs\n", name);
    abort();
  }
  return found;
}
#define REAL(name, ...) (__extension__({ static int (*call)(__VA_ARGS__); if (!call) call = real(#name); call; }))

API size_t cudnnGetVersion(void) { return ((size_t(*)(void))real("cudnnGetVersion"))(); }
API size_t cudnnGetCudartVersion(void) { return emulated_cuda_version; }
API int cudnnGetProperty(int kind, int *value) { return REAL(cudnnGetProperty, int, int *)(kind, value); }
API const char *cudnnGetErrorString(int status) { return status == CUDNN_NOT_SUPPORTED ? "not served by the emulated GPU" : "an error of cuDNN on the emulated GPU"; }
API void cudnnGetLastErrorString(char *text, size_t bytes) { ((void (*)(char *, size_t))real("cudnnGetLastErrorString"))(text, bytes); }
/* Nothing depends on which stream: kernels do nothing. */
API int cudnnGetStream(void *handle, void **stream) { *stream = 0; return SUCCESS; }
API int cudnnCreate(void **made) { *made = handle(0); return SUCCESS; }

/* Whether cuDNN can be queried for the card. */
static int queried(void) {
  static int answer = -1;
  if (answer < 0) {
    answer = json != 0;
    if (json && cudnnGetVersion() < 90800) {
      note("modelled", "workspaces of cuDNN, which is older than 9.8: taken for none");
      answer = 0;
    }
  }
  return answer;
}

API int cudnnBackendCreateDescriptor(int kind, Descriptor *made) {
  if (queried()) return REAL(cudnnBackendCreateDescriptor, int, Descriptor *)(kind, made);
  *made = handle(0);
  return SUCCESS;
}
API int cudnnBackendDestroyDescriptor(Descriptor gone) {
  if (queried()) return REAL(cudnnBackendDestroyDescriptor, Descriptor)(gone);
  free(gone);
  return SUCCESS;
}
API int cudnnBackendFinalize(Descriptor one) { return queried() ? REAL(cudnnBackendFinalize, Descriptor)(one) : SUCCESS; }

static int set(Descriptor one, int name, int type, int64_t count, const void *values) {
  return REAL(cudnnBackendSetAttribute, Descriptor, int, int, int64_t, const void *)(one, name, type, count, values);
}
static Descriptor described_card(void) {
  static Descriptor described;
  if (!described) {
    Descriptor one;
    int status = cudnnBackendCreateDescriptor(DEVICE_PROPERTIES, &one);
    if (!status) status = set(one, DEVICE_JSON, CHARACTER, strlen(json) + 1, json);
    if (!status) status = cudnnBackendFinalize(one);
    if (status) {
      fprintf(stderr, "nincost: cuDNN does not accept the description of the emulated GPU (%d)\n", status);
      abort();
    }
    described = one;
  }
  return described;
}
API int cudnnBackendSetAttribute(Descriptor one, int name, int type, int64_t count, const void *values) {
  if (!queried() || name == GRAPH_HANDLE) return SUCCESS;
  Descriptor described = described_card();
  if (name == PLAN_HANDLE) return set(one, PLAN_DEVICE, DESCRIPTOR, 1, &described);
  if (name == HEURISTICS_GRAPH) set(one, HEURISTICS_DEVICE, DESCRIPTOR, 1, &described);
  return set(one, name, type, count, values);
}
/* What a cuDNN that cannot be queried has: one plan for each question, without notes or workspace. */
static int one_plan(int name, int type, int64_t count, int64_t *found, void *values) {
  int64_t here = name == HEURISTICS_RESULTS || type == INT64;
  if (found) *found = here;
  if (here && type == INT64 && count) *(int64_t *)values = 0;
  return SUCCESS;
}
API int cudnnBackendGetAttribute(Descriptor one, int name, int type, int64_t count, int64_t *found, void *values) {
  if (!queried()) return one_plan(name, type, count, found, values);
  int status = REAL(cudnnBackendGetAttribute, Descriptor, int, int, int64_t, int64_t *, void *)(one, name, type, count, found, values);
  if (!status && name == PLAN_WORKSPACE && count && no_workspace) *(int64_t *)values = 0;
  return status;
}

/* Sizes that cuDNN only says with a card's handle. Batch norm's are taken for none. */
API int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void *at, int mode, int ops, void *x, void *z, void *y, void *p, void *a, size_t *bytes) { *bytes = 0; return SUCCESS; }
API int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void *at, int mode, int ops, void *x, void *y, void *dy, void *dz, void *dx, void *p, void *a, size_t *bytes) { *bytes = 0; return SUCCESS; }
API int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void *at, int mode, int ops, void *a, void *x, size_t *bytes) { *bytes = 0; return SUCCESS; }
