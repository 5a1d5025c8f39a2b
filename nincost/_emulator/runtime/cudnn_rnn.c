/* cuDNN's recurrent layers: descriptors, how their weights lie in one buffer, and sizes.
 *
 * cuDNN says sizes only to a card's handle, so that these are a model, the one of
 * nincost/_devices/libraries/cudnn_rnn.py, which says where its figures are from. */
#include <string.h>

#include "runtime.h"

enum { RELU, TANH, LSTM, GRU };
enum { NO_BIAS, ONE_INPUT_BIAS, TWO_BIASES, ONE_RECURRENT_BIAS };
static const int gates_of[] = {1, 1, 4, 3};
static const int reserved_of[] = {1, 1, 5, 6}; /* values of each element that backward reads */

/* cudnnDataType_t: float, double, half, int8, int32, int8x4, uint8, uint8x4, int8x32, bfloat16 */
static size_t bytes_of(int type) {
  static const char bytes[] = {4, 8, 2, 1, 4, 4, 1, 4, 32, 2};
  return type >= 0 && type < (int)sizeof bytes ? bytes[type] : 4;
}

typedef struct { int type, format, count, sizes[8], strides[8]; } Tensor;
API int cudnnCreateTensorDescriptor(Tensor **made) { *made = handle(sizeof **made); return SUCCESS; }
API int cudnnCreateFilterDescriptor(Tensor **made) { *made = handle(sizeof **made); return SUCCESS; }
static int describe(Tensor *of, int type, int count, const int *sizes, const int *strides) {
  of->type = type;
  of->count = count < 8 ? count : 8;
  memcpy(of->sizes, sizes, of->count * sizeof *sizes);
  for (int i = of->count - 1, stride = 1; i >= 0; stride *= sizes[i--]) of->strides[i] = strides ? strides[i] : stride;
  return SUCCESS;
}
API int cudnnSetTensorNdDescriptor(Tensor *of, int type, int count, const int *sizes, const int *strides) { return describe(of, type, count, sizes, strides); }
API int cudnnGetTensorNdDescriptor(Tensor *of, int most, int *type, int *count, int *sizes, int *strides) {
  *type = of->type;
  *count = of->count;
  for (int i = 0; i < of->count && i < most; i++) {
    sizes[i] = of->sizes[i];
    strides[i] = of->strides[i];
  }
  return SUCCESS;
}
API int cudnnSetFilterNdDescriptor(Tensor *of, int type, int format, int count, const int *sizes) {
  of->format = format;
  return describe(of, type, count, sizes, 0);
}
API int cudnnGetFilterNdDescriptor(Tensor *of, int most, int *type, int *format, int *count, int *sizes) {
  int strides[8];
  *format = of->format;
  return cudnnGetTensorNdDescriptor(of, most < 8 ? most : 8, type, count, sizes, strides);
}

enum { PACKED = 1 }; /* CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED */
typedef struct { int type, width; size_t positions; } Data;
API int cudnnCreateRNNDataDescriptor(Data **made) { *made = handle(sizeof **made); return SUCCESS; }
API int cudnnSetRNNDataDescriptor(Data *of, int type, int layout, int length, int batch, int width, const int *lengths, void *padding) {
  *of = (Data){type, width, layout == PACKED ? 0 : (size_t)length * batch};
  for (int i = 0; layout == PACKED && i < batch; i++) of->positions += lengths[i];
  return SUCCESS;
}

typedef struct { int mode, biases, directions, skips_input, type, input, hidden, projected, layers; } Rnn;
API int cudnnCreateRNNDescriptor(Rnn **made) { *made = handle(sizeof **made); return SUCCESS; }
API int cudnnSetRNNDescriptor_v8(Rnn *of, int algorithm, int mode, int biases, int direction, int input_mode, int type, int math_type, int math, int input, int hidden, int projected, int layers, void *dropout, unsigned flags) {
  *of = (Rnn){mode, biases, direction ? 2 : 1, input_mode, type, input, hidden, projected, layers};
  return SUCCESS;
}

/* One layer in one direction: what a row of its state has, what it is given, and its matrices' sizes. */
static int is_projected(Rnn *of) { return of->projected && of->projected != of->hidden; }
static size_t state(Rnn *of) { return is_projected(of) ? of->projected : of->hidden; }
static size_t given(Rnn *of, int pseudo_layer) { return pseudo_layer < of->directions ? of->input : state(of) * of->directions; }
static size_t matrices(Rnn *of, int pseudo_layer) {
  size_t one = gates_of[of->mode] * of->hidden * (given(of, pseudo_layer) + state(of));
  return one + (is_projected(of) ? state(of) * of->hidden : 0);
}
static size_t biases(Rnn *of) {
  int each = of->biases == NO_BIAS ? 0 : of->biases == TWO_BIASES ? 2 : 1;
  return (size_t)each * gates_of[of->mode] * of->hidden;
}
static size_t before(Rnn *of, int pseudo_layer) {
  size_t elements = 0;
  for (int layer = 0; layer < pseudo_layer; layer++) elements += matrices(of, layer);
  return elements;
}
API int cudnnGetRNNWeightSpaceSize(void *at, Rnn *of, size_t *bytes) {
  int pseudo_layers = of->layers * of->directions;
  *bytes = (before(of, pseudo_layers) + pseudo_layers * biases(of)) * bytes_of(of->type);
  return SUCCESS;
}
/* Matrices of all layers, then biases: of each layer the gates of the input, then of the state. */
API int cudnnGetRNNWeightParams(void *at, Rnn *of, int pseudo_layer, size_t bytes, char *buffer, int number, Tensor *matrix, char **matrix_at, Tensor *bias, char **bias_at) {
  int gates = gates_of[of->mode], pseudo_layers = of->layers * of->directions;
  size_t element = bytes_of(of->type), start = before(of, pseudo_layer);
  size_t input_matrix = of->hidden * given(of, pseudo_layer), state_matrix = of->hidden * state(of);
  int rows = of->hidden, columns = number < gates ? (int)given(of, pseudo_layer) : (int)state(of);
  if (number < gates) start += number * input_matrix;
  else if (number < 2 * gates) start += gates * input_matrix + (number - gates) * state_matrix;
  else {
    start += gates * (input_matrix + state_matrix);
    rows = (int)state(of);
    columns = of->hidden;
  }
  if (matrix_at) *matrix_at = buffer + start * element;
  if (matrix) describe(matrix, of->type, 3, (int[]){1, rows, columns}, 0);
  size_t bias_start = before(of, pseudo_layers) + pseudo_layer * biases(of) + (size_t)number * of->hidden;
  int has_bias = number < 2 * gates && (size_t)(number + 1) * of->hidden <= biases(of);
  if (bias_at) *bias_at = has_bias ? buffer + bias_start * element : 0;
  if (bias) describe(bias, of->type, 3, (int[]){1, of->hidden, 1}, 0);
  return SUCCESS;
}
API int cudnnGetRNNTempSpaceSizes(void *at, Rnn *of, int training, Data *x, size_t *workspace, size_t *reserve) {
  size_t element = bytes_of(of->type), cells = (size_t)of->hidden * of->directions, gates = gates_of[of->mode];
  size_t inputs = of->input + (of->layers - 1) * cells + of->layers * of->hidden;
  note("modelled", "cuDNN's recurrent layers: workspace and reserve");
  *workspace = ((size_t)12 << 20) + (size_t)(element * (1.5 * x->positions * gates * cells + 1.6 * gates * cells * inputs + (training ? 2.0 : 0.7) * x->positions * of->input));
  if (reserve) *reserve = training ? x->positions * cells * (reserved_of[of->mode] * of->layers + of->layers - 1) * element + 256 : 0;
  return SUCCESS;
}

/* A random generator's state of 24 bytes for each thread that the card holds. */
API int cudnnCreateDropoutDescriptor(void **made) { *made = handle(0); return SUCCESS; }
API int cudnnDropoutGetStatesSize(void *at, size_t *bytes) {
  note("modelled", "cuDNN's dropout: its state");
  *bytes = card.multiprocessors * card.threads * 24;
  return SUCCESS;
}
