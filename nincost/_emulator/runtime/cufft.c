/* cuFFT: plans, whose work areas are a model of ours, read off what an H100 said of 2,775 plans (cuFFT
 * 12.0; benchmarks/data/h100/libraries.jsonl.gz): lengths that one kernel transforms need none, longer
 * ones a copy of the data, large primes some four, and odd lengths of real data the data as complex. */
#include "runtime.h"

API int cufftCreate(int *plan) {
  static int plans;
  *plan = __sync_add_and_fetch(&plans, 1);
  return SUCCESS;
}
/* cudaDataType of what is transformed: real and complex half, float, double */
static size_t complex_bytes(int type) { return type == 2 || type == 6 ? 4 : type == 1 || type == 5 ? 16 : 8; }

enum { ONE_KERNEL = 20000, MOST_PRIME = 4096, ODD_OF_REAL = 128 };
static long long largest_prime(long long of) {
  long long largest = 1;
  for (long long p = 2; p * p <= of; p++) for (; of % p == 0; of /= p) largest = p;
  return of > largest ? of : largest;
}
/* Copies of the data that a length needs beside it. */
static double copies(long long length) { return largest_prime(length) > MOST_PRIME ? 4 : length > ONE_KERNEL; }

API int cufftXtMakePlanMany(int plan, int dimensions, long long *sizes, long long *in_embed, long long in_stride, long long in_distance, int in_type, long long *out_embed, long long out_stride, long long out_distance, int out_type, long long batch, size_t *bytes, int computation) {
  int real = in_type == 0 || in_type == 1 || in_type == 2 || out_type == 0 || out_type == 1 || out_type == 2;
  size_t elements = batch;
  double most = 0;
  for (int i = 0; i < dimensions; i++) {
    int halved = real && i == dimensions - 1, odd = halved && sizes[i] % 2;
    elements *= halved ? sizes[i] / 2 + 1 : sizes[i];
    double one = odd && sizes[i] > ODD_OF_REAL ? 2 + copies(sizes[i]) * 1.5 : copies(halved && !odd ? sizes[i] / 2 : sizes[i]);
    if (one > most) most = one;
  }
  note("modelled", "cuFFT's work area");
  *bytes = (size_t)(elements * most) * complex_bytes(in_type);
  return SUCCESS;
}
