/* Streams, events and graphs. All is done at once and in order, so that an event has always happened.
 *
 * While a stream captures, kernels are counted as the graph's nodes; what an event brings into the
 * capture (fork and join) captures too, as PyTorch's allocator asks each stream whether it does.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

typedef struct Stream {
  int priority, device;
  unsigned flags;
  unsigned long long capture; /* the capture that it takes part in, or 0 */
  struct Graph *graph;
  struct Stream *next;
} Stream;
typedef struct Event { unsigned long long capture; struct Graph *graph; } Event;
typedef struct { void *address; size_t bytes; } Written;
typedef struct { Written *of; size_t count; } Writes; /* of a graph, and of what is made of it */
typedef struct Graph { size_t kernels; unsigned long long began; Writes *writes; } Graph;

unsigned long long launches;
static unsigned long long captures;
static Stream *all; /* those that were made; a freed one stays listed, and is used again */
static Stream standing[3]; /* the handles 0, 1 and 2: the default stream, by its three names */

static Stream *stream_of(void *stream) { return (size_t)stream < 3 ? standing + (size_t)stream : stream; }

static int make_stream(void **made, unsigned flags, int priority) {
  Stream *stream = handle(sizeof *stream);
  *stream = (Stream){.priority = priority, .device = current_device(), .flags = flags, .next = all};
  all = stream;
  *made = stream;
  return SUCCESS;
}
API int cudaStreamCreateWithPriority(void **stream, unsigned flags, int priority) { return make_stream(stream, flags, priority); }
API int cudaStreamCreateWithFlags(void **stream, unsigned flags) { return make_stream(stream, flags, 0); }
API int cudaStreamCreate(void **stream) { return make_stream(stream, 0, 0); }
API int cuStreamCreate(void **stream, unsigned flags) { return make_stream(stream, flags, 0); }
API int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { return make_stream(stream, flags, priority); }
API int cudaStreamGetPriority(void *stream, int *priority) { *priority = stream_of(stream)->priority; return SUCCESS; }
API int cudaStreamGetFlags(void *stream, unsigned *flags) { *flags = stream_of(stream)->flags; return SUCCESS; }
API int cudaStreamGetDevice(void *stream, int *device) { *device = stream_of(stream)->device; return SUCCESS; }
API int cudaStreamGetId(void *stream, unsigned long long *id) { *id = (unsigned long long)stream; return SUCCESS; }
API int cudaStreamSynchronize(void *stream) { return stream_of(stream)->capture ? CAPTURE_UNSUPPORTED : SUCCESS; }
API int cudaStreamQuery(void *stream) { return stream_of(stream)->capture ? CAPTURE_UNSUPPORTED : SUCCESS; }

API int cudaEventCreateWithFlags(void **event, unsigned flags) { *event = handle(sizeof(Event)); return SUCCESS; }
API int cudaEventCreate(void **event) { return cudaEventCreateWithFlags(event, 0); }
API int cuEventCreate(void **event, unsigned flags) { return cudaEventCreateWithFlags(event, flags); }
API int cudaIpcOpenEventHandle(void **event, void *shared) { return cudaEventCreateWithFlags(event, 0); }
API int cudaEventDestroy(void *event) { free(event); return SUCCESS; }
API int cudaEventRecord(Event *event, void *stream) {
  event->capture = stream_of(stream)->capture;
  event->graph = stream_of(stream)->graph;
  return SUCCESS;
}
API int cudaEventRecordWithFlags(Event *event, void *stream, unsigned flags) { return cudaEventRecord(event, stream); }
API int cudaEventQuery(Event *event) { return SUCCESS; }
API int cudaStreamWaitEvent(void *stream, Event *event, unsigned flags) {
  if (event && event->capture) {
    stream_of(stream)->capture = event->capture;
    stream_of(stream)->graph = event->graph;
  }
  return SUCCESS;
}
/* No time passes on the card. What times kernels repeats them until enough time has passed: a tenth of
 * a second is enough for all of them. */
API int cudaEventElapsedTime(float *milliseconds, Event *start, Event *end) { *milliseconds = 100; return SUCCESS; }
API int cudaEventElapsedTime_v2(float *milliseconds, Event *start, Event *end) { *milliseconds = 100; return SUCCESS; }

API int cudaLaunchHostFunc(void *stream, void (*function)(void *), void *data) {
  if (!stream_of(stream)->capture) function(data);
  return SUCCESS;
}
API int cudaStreamAddCallback(void *stream, void (*function)(void *, int, void *), void *data, unsigned flags) {
  function(stream, SUCCESS, data);
  return SUCCESS;
}

/* --- capture --- */
static Graph *captured; /* the graph of the last capture that began */
static int open_captures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int capturing(void) { return open_captures > 0; }
API int nincost_emulated_capturing(void) { return capturing(); }
void remember(void *address, size_t bytes) {
  pthread_mutex_lock(&lock);
  Writes *all = captured ? captured->writes : 0;
  if (all) {
    Written *last = all->count ? all->of + all->count - 1 : 0;
    if (last && last->address == address) {
      if (bytes > last->bytes) last->bytes = bytes;
    } else {
      if (!(all->count & all->count - 1)) all->of = realloc(all->of, (all->count ? 2 * all->count : 1) * sizeof *all->of);
      all->of[all->count++] = (Written){address, bytes};
    }
  }
  pthread_mutex_unlock(&lock);
}
static Graph *make_graph(void) {
  Graph *graph = handle(sizeof *graph);
  graph->writes = handle(sizeof *graph->writes); /* stays, for what is made of the graph */
  return graph;
}
static int begin_capture(void *stream, Graph *graph) {
  Stream *of = stream_of(stream);
  if (of->capture || (size_t)stream == 1 || !stream) return CAPTURE_UNSUPPORTED;
  of->capture = __sync_add_and_fetch(&captures, 1);
  of->graph = graph;
  graph->began = launches;
  captured = graph;
  __sync_add_and_fetch(&open_captures, 1);
  return SUCCESS;
}
API int cudaStreamBeginCapture(void *stream, int mode) { return begin_capture(stream, make_graph()); }
API int cudaStreamBeginCaptureToGraph(void *stream, Graph *graph, const void *nodes, const void *edges, size_t count, int mode) { return begin_capture(stream, graph); }
API int cudaStreamEndCapture(void *stream, Graph **graph) {
  Stream *of = stream_of(stream);
  unsigned long long capture = of->capture;
  if (!capture) { *graph = 0; return INVALID_VALUE; }
  __sync_sub_and_fetch(&open_captures, 1);
  *graph = of->graph;
  (*graph)->kernels += launches - (*graph)->began;
  for (Stream *one = all; one; one = one->next)
    if (one->capture == capture) one->capture = 0, one->graph = 0;
  of->capture = 0;
  return SUCCESS;
}
API int cudaStreamIsCapturing(void *stream, int *status) { *status = stream_of(stream)->capture != 0; return SUCCESS; }
/* In CUDA 12 cudaStreamGetCaptureInfo has three arguments, and _v2 the first four and two more; all
 * begin alike, and those from the fifth on may be null in each. */
static int capture_info(void *stream, int *status, unsigned long long *id, Graph **graph) {
  Stream *of = stream_of(stream);
  *status = of->capture != 0;
  if (id && of->capture) *id = of->capture;
  if (graph && of->capture) *graph = of->graph;
  return SUCCESS;
}
API int cudaStreamGetCaptureInfo(void *stream, int *status, unsigned long long *id, Graph **graph, const void ***nodes, const void **edges, size_t *count) {
  if (emulated_cuda_version < 13000) return capture_info(stream, status, id, 0);
  if (nodes) *nodes = 0;
  if (edges) *edges = 0;
  if (count) *count = 0;
  return capture_info(stream, status, id, graph);
}
API int cudaStreamGetCaptureInfo_v2(void *stream, int *status, unsigned long long *id, Graph **graph, const void ***nodes, size_t *count) {
  if (nodes) *nodes = 0;
  if (count) *count = 0;
  return capture_info(stream, status, id, graph);
}
API int cudaStreamGetCaptureInfo_v3(void *stream, int *status, unsigned long long *id, Graph **graph, const void ***nodes, const void **edges, size_t *count) {
  if (edges) *edges = 0;
  return cudaStreamGetCaptureInfo_v2(stream, status, id, graph, nodes, count);
}

/* --- graphs --- */
API int cudaGraphCreate(Graph **graph, unsigned flags) { *graph = make_graph(); return SUCCESS; }
API int cudaGraphDestroy(Graph *graph) { free(graph); return SUCCESS; }
/* What can be launched is the list of what it writes. */
API int cudaGraphInstantiate(Writes **made, Graph *graph, unsigned long long flags) { *made = graph->writes; return SUCCESS; }
API int cudaGraphInstantiateWithFlags(Writes **made, Graph *graph, unsigned long long flags) { *made = graph->writes; return SUCCESS; }
API int cudaGraphExecDestroy(Writes *made) { return SUCCESS; }
API int cudaGraphLaunch(Writes *made, void *stream) {
  for (size_t i = 0; i < made->count; i++)
    if (device_of(made->of[i].address) >= 0) forget(made->of[i].address, made->of[i].bytes);
  return SUCCESS;
}
/* How many nodes; where they are asked for, each is a handle that nothing is known of. */
API int cudaGraphGetNodes(Graph *graph, void **nodes, size_t *count) {
  if (!nodes) *count = graph->kernels;
  else for (size_t i = 0; i < *count; i++) nodes[i] = graph;
  return SUCCESS;
}
API int cudaGraphNodeGetType(void *node, int *type) { *type = 0; return SUCCESS; } /* a kernel */
API int cudaGraphNodeGetDependencies(void *node, void **nodes, void *edges, size_t *count) { *count = 0; return SUCCESS; }
API int cudaGraphAddNode(void **node, Graph *graph, const void *nodes, const void *edges, size_t count, void *parameters) { *node = handle(0); return SUCCESS; }
API int cudaGraphConditionalHandleCreate(unsigned long long *made, Graph *graph, unsigned value, unsigned flags) { *made = ++captures; return SUCCESS; }
API int cudaUserObjectCreate(void **made, void *object, void (*destroy)(void *), unsigned count, unsigned flags) { *made = handle(0); return SUCCESS; }
