/* cuSOLVER: work areas, which are a model of ours: as much as the matrix. All else succeeds. */
#include "runtime.h"

static int model(int *elements, size_t count) {
  note("modelled", "cuSOLVER's work area");
  *elements = count > 2147483647 ? 2147483647 : (int)count;
  return SUCCESS;
}
API int cusolverDnCreate(void **made) { *made = handle(0); return SUCCESS; }
API int cusolverDnCreateParams(void **made) { *made = handle(0); return SUCCESS; }
API int cusolverDnCreateGesvdjInfo(void **made) { *made = handle(0); return SUCCESS; }
API int cusolverDnCreateSyevjInfo(void **made) { *made = handle(0); return SUCCESS; }

#define SIZE(name, count, ...) API int cusolverDn##name##_bufferSize(void *at, __VA_ARGS__) { return model(work, count); }
#define REAL_AND_COMPLEX(real, complex, count, ...) \
  SIZE(S##real, count, __VA_ARGS__) SIZE(D##real, count, __VA_ARGS__) \
  SIZE(C##complex, count, __VA_ARGS__) SIZE(Z##complex, count, __VA_ARGS__)
#define ALL(name, count, ...) REAL_AND_COMPLEX(name, name, count, __VA_ARGS__)

ALL(getrf, (size_t)m *n, int m, int n, void *a, int lda, int *work)
ALL(geqrf, (size_t)m *n, int m, int n, void *a, int lda, int *work)
ALL(potrf, (size_t)n *n, int upper, int n, void *a, int lda, int *work)
ALL(sytrf, (size_t)n *n, int n, void *a, int lda, int *work)
ALL(gesvd, (size_t)m *n, int m, int n, int *work)
ALL(gesvdj, (size_t)m *n, int job, int econ, int m, int n, void *a, int lda, void *s, void *u, int ldu, void *v, int ldv, int *work, void *info)
ALL(gesvdjBatched, (size_t)m *n *batch, int job, int m, int n, void *a, int lda, void *s, void *u, int ldu, void *v, int ldv, int *work, void *info, int batch)
ALL(gesvdaStridedBatched, (size_t)m *n *batch, int job, int rank, int m, int n, void *a, int lda, long long stride, void *s, long long strides, void *u, int ldu, long long strideu, void *v, int ldv, long long stridev, int *work, int batch)
REAL_AND_COMPLEX(syevd, heevd, (size_t)n *n, int job, int upper, int n, void *a, int lda, void *w, int *work)
REAL_AND_COMPLEX(syevjBatched, heevjBatched, (size_t)n *n *batch, int job, int upper, int n, void *a, int lda, void *w, int *work, void *info, int batch)
REAL_AND_COMPLEX(orgqr, ungqr, (size_t)m *n, int m, int n, int k, void *a, int lda, void *tau, int *work)
REAL_AND_COMPLEX(ormqr, unmqr, (size_t)m *n, int side, int transposed, int m, int n, int k, void *a, int lda, void *tau, void *c, int ldc, int *work)

/* The interface that takes any type: bytes on the card and on the host. */
static int model_bytes(size_t *device, size_t *host, size_t elements) {
  note("modelled", "cuSOLVER's work area");
  *device = elements * 8;
  *host = 0;
  return SUCCESS;
}
API int cusolverDnXpotrf_bufferSize(void *at, void *p, int upper, int64_t n, int type, void *a, int64_t lda, int compute, size_t *device, size_t *host) { return model_bytes(device, host, n * n); }
API int cusolverDnXgeqrf_bufferSize(void *at, void *p, int64_t m, int64_t n, int type, void *a, int64_t lda, int tau_type, void *tau, int compute, size_t *device, size_t *host) { return model_bytes(device, host, m * n); }
API int cusolverDnXsyevd_bufferSize(void *at, void *p, int job, int upper, int64_t n, int type, void *a, int64_t lda, int w_type, void *w, int compute, size_t *device, size_t *host) { return model_bytes(device, host, n * n); }
API int cusolverDnXsyevBatched_bufferSize(void *at, void *p, int job, int upper, int64_t n, int type, void *a, int64_t lda, int w_type, void *w, int compute, size_t *device, size_t *host, int64_t batch) { return model_bytes(device, host, n * n * batch); }
API int cusolverDnXsytrs_bufferSize(void *at, int upper, int64_t n, int64_t right, int type, void *a, int64_t lda, void *pivots, int b_type, void *b, int64_t ldb, size_t *device, size_t *host) { return model_bytes(device, host, n * right); }
API int cusolverDnXgeev_bufferSize(void *at, void *p, int left, int right, int64_t n, int type, void *a, int64_t lda, int w_type, void *w, int l_type, void *l, int64_t ldl, int r_type, void *r, int64_t ldr, int compute, size_t *device, size_t *host) { return model_bytes(device, host, n * n); }
