/* cuBLAS and cuBLASLt: handles, and one algorithm for each question, which needs no workspace.
 * The workspaces that PyTorch gives to cuBLAS itself are allocated by PyTorch, as on a card. */
#include <string.h>

#include "runtime.h"

API int cublasCreate_v2(void **made) { *made = handle(0); return SUCCESS; }
API int cublasGetMathMode(void *at, int *mode) { *mode = 0; return SUCCESS; }
API int cublasGetPointerMode_v2(void *at, int *mode) { *mode = 0; return SUCCESS; }
API int cublasGetVersion_v2(void *at, int *version) { *version = emulated_cuda_version * 10; return SUCCESS; }
API int cublasLtCreate(void **made) { *made = handle(0); return SUCCESS; }
API int cublasLtMatmulDescCreate(void **made, int compute, int scale) { *made = handle(0); return SUCCESS; }
API int cublasLtMatmulPreferenceCreate(void **made) { *made = handle(0); return SUCCESS; }
API int cublasLtMatrixLayoutCreate(void **made, int type, uint64_t rows, uint64_t columns, int64_t leading) { *made = handle(0); return SUCCESS; }
API int cublasLtMatrixTransformDescCreate(void **made, int scale) { *made = handle(0); return SUCCESS; }
/* Batched factorizations, which say on the host whether their arguments were in order. */
#define BATCHED(type) \
  API int cublas##type##geqrfBatched(void *at, int m, int n, void *a, int lda, void *tau, int *info, int batch) { launches++; *info = 0; return SUCCESS; } \
  API int cublas##type##gelsBatched(void *at, int operation, int m, int n, int right, void *a, int lda, void *c, int ldc, int *info, int *of_each, int batch) { launches++; *info = 0; return SUCCESS; } \
  API int cublas##type##getrsBatched(void *at, int operation, int n, int right, void *a, int lda, int *pivots, void *b, int ldb, int *info, int batch) { launches++; *info = 0; return SUCCESS; }
BATCHED(S) BATCHED(D) BATCHED(C) BATCHED(Z)

typedef struct { uint64_t algorithm[8]; size_t workspace; int state; float waves; int reserved[4]; } Heuristic;
API int cublasLtMatmulAlgoGetHeuristic(void *at, void *operation, void *a, void *b, void *c, void *d, void *preference, int wanted, Heuristic *results, int *found) {
  *found = wanted;
  memset(results, 0, wanted * sizeof *results);
  return SUCCESS;
}
API size_t cublasLtGetVersion(void) { return emulated_cuda_version * 10; }
API size_t cublasLtGetCudartVersion(void) { return emulated_cuda_version; }
