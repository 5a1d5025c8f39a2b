#!/bin/sh
# build.sh TORCH_DIR CUDA_INCLUDE OUT_DIR: no_gpu.so, to be preloaded
set -e
here=$(dirname "$0")
gcc -w -O1 -shared -fPIC -I"$2" "$here/runtime.c" -o "$3/written.so" -ldl
# What PyTorch's libraries lack but for CUDA's, and what is asked of libcuda by name: by cuDNN, which
# plans no kernel that it compiles itself without the first line, and by PyTorch 2.6. cuInit must
# stay missing: the runtime inside cuDNN would take the rest of a driver for granted.
{
  printf '%s\n' cuCtxPopCurrent cuCtxPushCurrent cuLinkAddData cuLinkCreate cuLinkDestroy \
    cuLaunchKernelEx cuOccupancyMaxPotentialClusterSize
  for library in "$1"/lib/libtorch*.so "$1"/lib/libc10_cuda.so "$1"/lib/libcaffe2_nvrtc.so; do
    nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//'
  done
} | grep -E '^(__cuda|cuda[A-Z]|cublas|cudnn|cu[A-Z])' | sort -u >"$3/wanted"
nm -D --defined-only "$3/written.so" | awk '{print $3}' | sort -u >"$3/defined"
comm -23 "$3/wanted" "$3/defined" | sed 's/.*/int &(void) { return 0; }/' >"$3/rest.c"
gcc -w -O1 -shared -fPIC -I"$2" "$here/runtime.c" "$3/rest.c" -Wl,-soname,libcuda.so.1 -o "$3/no_gpu.so" -ldl
