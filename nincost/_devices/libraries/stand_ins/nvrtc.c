/* NVRTC as cuDNN uses it to plan: kernels that are compiled for the card are here compiled to nothing,
 * at once. Signatures are those of nvrtc.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
enum { BYTES = 64 }; /* of what is compiled */

API int nvrtcVersion(int *major, int *minor) { *major = MAJOR; *minor = MAJOR == 12 ? 9 : 0; return 0; }
API int nvrtcCreateProgram(void **made) { *made = malloc(1); return 0; }
API int nvrtcDestroyProgram(void **gone) { free(*gone); *gone = 0; return 0; }
API int nvrtcAddNameExpression(void) { return 0; }
API int nvrtcCompileProgram(void) { return 0; }
API int __nvrtcCPEx(void) { return 0; } /* looked up, and not called; in no header */
API int nvrtcGetLoweredName(void *of, const char *name, const char **lowered) { *lowered = name; return 0; }
API const char *nvrtcGetErrorString(int error) { return "none"; }
API int nvrtcGetProgramLogSize(void *of, size_t *bytes) { *bytes = 1; return 0; }
API int nvrtcGetProgramLog(void *of, char *text) { *text = 0; return 0; }
#define COMPILED(kind) \
  API int nvrtcGet##kind##Size(void *of, size_t *bytes) { *bytes = BYTES; return 0; } \
  API int nvrtcGet##kind(void *of, char *into) { memset(into, 0, BYTES); return 0; }
COMPILED(CUBIN) COMPILED(PTX) COMPILED(LTOIR)

/* Compute capabilities that CUDA 13's compiles for; cuDNN looks for the card's among them. */
static const int capabilities[] = {50, 60, 70, 75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
API int nvrtcGetNumSupportedArchs(int *count) { *count = sizeof capabilities / sizeof *capabilities; return 0; }
API int nvrtcGetSupportedArchs(int *found) { memcpy(found, capabilities, sizeof capabilities); return 0; }
