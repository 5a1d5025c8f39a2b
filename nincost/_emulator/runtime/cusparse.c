/* cuSPARSE: handles and descriptors, and the buffers of products, which are taken for none. */
#include "runtime.h"

API int cusparseCreate(void **made) { *made = handle(0); return SUCCESS; }
static int none(size_t *bytes) {
  note("modelled", "cuSPARSE's buffers: taken for none");
  *bytes = 0;
  return SUCCESS;
}
typedef const void *Given;
API int cusparseSpMM_bufferSize(Given at, int a, int b, Given alpha, Given x, Given y, Given beta, Given z, int type, int how, size_t *bytes) { return none(bytes); }
API int cusparseSDDMM_bufferSize(Given at, int a, int b, Given alpha, Given x, Given y, Given beta, Given z, int type, int how, size_t *bytes) { return none(bytes); }
API int cusparseSpMV_bufferSize(Given at, int a, Given alpha, Given x, Given y, Given beta, Given z, int type, int how, size_t *bytes) { return none(bytes); }
API int cusparseSpSM_bufferSize(Given at, int a, int b, Given alpha, Given x, Given y, Given z, int type, int how, Given plan, size_t *bytes) { return none(bytes); }
API int cusparseSpSV_bufferSize(Given at, int a, Given alpha, Given x, Given y, Given z, int type, int how, Given plan, size_t *bytes) { return none(bytes); }
API int cusparseSpGEMM_workEstimation(Given at, int a, int b, Given alpha, Given x, Given y, Given beta, Given z, int type, int how, Given plan, size_t *bytes, void *buffer) { return none(bytes); }
API int cusparseSpGEMM_compute(Given at, int a, int b, Given alpha, Given x, Given y, Given beta, Given z, int type, int how, Given plan, size_t *bytes, void *buffer) { return none(bytes); }
API int cusparseSpMatGetSize(Given of, int64_t *rows, int64_t *columns, int64_t *set) { *rows = *columns = *set = 0; return SUCCESS; }
API int cusparseXcsrgeam2Nnz(void) { return unwritten("cusparseXcsrgeam2Nnz"); }
