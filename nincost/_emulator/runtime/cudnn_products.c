/* Convolutions of one pixel that cuDNN hands to its own cuBLAS where there is a card: the workspace that
 * its plan has there. Without one the real library leaves that plan out. Which convolutions these are is
 * said and explained in _devices/libraries/conv_as_product.py, whose limits come in the environment.
 *
 * A thread describes tensors, a window, an operation, a graph of it, and asks for plans of that graph; so
 * what it described last is what the next plan is for. Names are those of cudnn_graph.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum {
  WINDOW_STRIDES = 103, WINDOW_PADDINGS = 105, HEURISTICS_GRAPH = 201,
  FORWARD = 702, DATA_GRADIENT = 708, FILTER_GRADIENT = 714, /* the window of an operation */
  WEIGHT = 1, INPUT = 2, OUTPUT = 3,                         /* from there on */
  GRAPH_OPERATIONS = 801, TENSOR_TYPE = 901, TENSOR_SIZES = 902, TENSOR_STRIDES = 903,
  FLOAT = 0, HALF = 2, BFLOAT16 = 9,
};
enum { MOST = 8, KEPT = 16 };
typedef struct { const void *at; int type, rank; int64_t sizes[MOST], strides[MOST]; } Described;

static __thread Described described[KEPT], weight, input, output, window;
static __thread int newest, kind, operations, asked;

/* Limits: aligned, small plane, most parts (4 and 2 bytes), 1000 parts of a copy, then most channels of a
 * small and another plane: forward of 4 and 2 bytes, data gradient of 4 and 2. */
enum { ALIGNED, SMALL_PLANE, MOST_PARTS, MOST_PARTS_2, PART_OF_COPY, MOST_CHANNELS, LIMITS = MOST_CHANNELS + 8 };
static int64_t limits[LIMITS];
static int known;
__attribute__((constructor(103))) static void begin(void) {
  char *text = getenv("NINCOST_EMULATED_PRODUCTS");
  for (known = 0; text && *text && known < LIMITS; known++) {
    limits[known] = strtoll(text, &text, 10);
    if (*text == ',') text++;
  }
}

static Described *find(const void *at) {
  for (int i = 0; i < KEPT; i++) if (described[i].at == at) return &described[i];
  Described *made = &described[newest++ % KEPT];
  memset(made, 0, sizeof *made);
  made->at = at;
  return made;
}
static void sizes(int64_t *into, int *rank, int64_t count, const void *values) {
  *rank = count < MOST ? (int)count : MOST;
  memcpy(into, values, *rank * sizeof *into);
}

/* What a thread says of the next convolution. */
void convolution_described(const void *one, int name, int64_t count, const void *values) {
  int unused;
  switch (name) {
    case TENSOR_TYPE: find(one)->type = *(const int *)values; return;
    case TENSOR_SIZES: sizes(find(one)->sizes, &find(one)->rank, count, values); return;
    case TENSOR_STRIDES: sizes(find(one)->strides, &unused, count, values); return;
    case WINDOW_STRIDES: sizes(find(one)->strides, &find(one)->rank, count, values); return;
    case WINDOW_PADDINGS: sizes(find(one)->sizes, &unused, count, values); return;
    case GRAPH_OPERATIONS: operations = (int)count; return;
    case HEURISTICS_GRAPH: asked = 1; return;
    case FORWARD: case DATA_GRADIENT: case FILTER_GRADIENT: kind = name; window = *find(*(void *const *)values); return;
  }
  for (int start = FORWARD; start <= FILTER_GRADIENT; start += DATA_GRADIENT - FORWARD) {
    if (name == start + WEIGHT) weight = *find(*(void *const *)values);
    if (name == start + INPUT) input = *find(*(void *const *)values);
    if (name == start + OUTPUT) output = *find(*(void *const *)values);
  }
}

static int64_t product(const int64_t *values, int from, int to) {
  int64_t found = 1;
  for (int i = from; i < to; i++) found *= values[i];
  return found;
}
static int is_product(void) {
  int last = input.rank - 1;
  if (operations != 1 || input.rank < 4 || weight.rank != input.rank) return 0;
  if (product(weight.sizes, 2, weight.rank) != 1 || weight.sizes[1] != input.sizes[1]) return 0;
  for (int i = 0; i < window.rank; i++) if (window.strides[i] != 1 || window.sizes[i]) return 0;
  return input.sizes[1] == 1 || input.strides[last] != input.sizes[1]; /* else the channels are last */
}

/* The workspace of the first plan for the convolution that was described last; -1 where cuDNN's own holds. */
int64_t product_workspace(void) {
  int first = asked;
  asked = 0;
  if (!first || known < LIMITS || !is_product()) return -1;
  if (input.type != FLOAT && input.type != HALF && input.type != BFLOAT16) return -1;
  int size = input.type == FLOAT ? 4 : 2;
  int64_t plane = product(input.sizes, 2, input.rank), channels = weight.sizes[0] * weight.sizes[1];
  int aligned = plane * size % limits[ALIGNED] == 0, small = plane < limits[SMALL_PLANE];
  if (kind != FILTER_GRADIENT) {
    int at = MOST_CHANNELS + 4 * (kind == DATA_GRADIENT) + 2 * (size == 2) + !small;
    return aligned || plane == 1 || channels <= limits[at] ? 0 : -1;
  }
  int64_t parts = input.sizes[0] * channels * 4;
  if (parts > limits[size == 4 ? MOST_PARTS : MOST_PARTS_2]) return -1;
  if (aligned || (size == 4 && !small)) return parts;
  int64_t copies = size * (product(input.sizes, 0, input.rank) + product(output.sizes, 0, output.rank));
  return !small && parts * 1000 <= copies * limits[PART_OF_COPY] ? parts : -1;
}
