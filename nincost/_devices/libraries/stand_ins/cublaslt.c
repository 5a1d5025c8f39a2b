/* cuBLASLt as cuDNN uses it to plan: for products of matrices it asks whether there is an algorithm.
 * The real library has none without a card, and cuDNN then leaves out the plans that would use one;
 * here there always is one, which needs no workspace. Signatures are those of cublasLt.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

API size_t cublasLtGetVersion(void) { return MAJOR * 10000 + 100; }
API int cublasLtGetProperty(int which, int *value) { *value = which == 0 ? MAJOR : which == 1; return 0; }
API int cublasLtCreate(void **made) { *made = malloc(1); return 0; }
API int cublasLtDestroy(void *gone) { free(gone); return 0; }
API int cublasLtMatmul(void) { return 0; }
API int cublasLtMatrixTransform(void) { return 0; }

/* Descriptors, of which nothing is read back. */
enum { DESCRIPTOR_BYTES = 512 };
#define DESCRIPTOR(kind) \
  API int cublasLt##kind##Create(void **made) { *made = calloc(1, DESCRIPTOR_BYTES); return 0; } \
  API int cublasLt##kind##Destroy(void *gone) { free(gone); return 0; } \
  API int cublasLt##kind##Init_internal(void *one, size_t bytes) { memset(one, 0, bytes); return 0; } \
  API int cublasLt##kind##SetAttribute(void *one, int which, const void *value, size_t bytes) { return 0; } \
  API int cublasLt##kind##GetAttribute(void *one, int which, void *value, size_t bytes, size_t *written) { \
    memset(value, 0, bytes); \
    if (written) *written = bytes; \
    return 0; \
  }
DESCRIPTOR(MatmulDesc) DESCRIPTOR(MatrixLayout) DESCRIPTOR(MatmulPreference) DESCRIPTOR(MatrixTransformDesc)

/* cublasLtMatmulHeuristicResult_t */
typedef struct { uint64_t algorithm[8]; size_t workspace; int status; float waves; int reserved[4]; } Result;
API int cublasLtMatmulAlgoGetHeuristic(void *at, void *operation, void *a, void *b, void *c, void *d, void *preference, int wanted, Result *results, int *found) {
  *found = wanted > 0;
  if (!*found) return 0;
  memset(results, 0, wanted * sizeof *results);
  results->waves = 1;
  return 0;
}
