/* cuFFT: plans, whose work area is a model of ours: one copy of the complex data. */
#include "runtime.h"

API int cufftCreate(int *plan) {
  static int plans;
  *plan = __sync_add_and_fetch(&plans, 1);
  return SUCCESS;
}
/* cudaDataType of what is transformed: real and complex half, float, double */
static size_t complex_bytes(int type) { return type == 2 || type == 6 ? 4 : type == 1 || type == 5 ? 16 : 8; }

API int cufftXtMakePlanMany(int plan, int dimensions, long long *sizes, long long *in_embed, long long in_stride, long long in_distance, int in_type, long long *out_embed, long long out_stride, long long out_distance, int out_type, long long batch, size_t *bytes, int computation) {
  int real = in_type == 0 || in_type == 1 || in_type == 2 || out_type == 0 || out_type == 1 || out_type == 2;
  size_t elements = batch;
  for (int i = 0; i < dimensions; i++) elements *= real && i == dimensions - 1 ? sizes[i] / 2 + 1 : sizes[i];
  note("modelled", "cuFFT's work area");
  *bytes = elements * complex_bytes(in_type);
  return SUCCESS;
}
