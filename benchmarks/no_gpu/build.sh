#!/bin/sh
# build.sh TORCH_DIR CUDA_INCLUDE OUT_DIR: no_gpu.so, to be preloaded
set -e
here=$(dirname "$0")
gcc -w -O1 -shared -fPIC -I"$2" "$here/runtime.c" -o "$3/written.so" -ldl
for library in "$1"/lib/libtorch*.so "$1"/lib/libc10_cuda.so "$1"/lib/libcaffe2_nvrtc.so; do
  nm -D --undefined-only "$library"
done | awk '{print $2}' | sed 's/@.*//' | grep -E '^(__cuda|cuda[A-Z]|cublas|cudnn|cu[A-Z])' >"$3/asked"
# PyTorch 2.6 asks libcuda for these by name.
printf 'cuLaunchKernelEx\ncuOccupancyMaxPotentialClusterSize\n' | sort -u "$3/asked" - >"$3/wanted"
nm -D --defined-only "$3/written.so" | awk '{print $3}' | sort -u >"$3/defined"
comm -23 "$3/wanted" "$3/defined" | sed 's/.*/int &(void) { return 0; }/' >"$3/rest.c"
gcc -w -O1 -shared -fPIC -I"$2" "$here/runtime.c" "$3/rest.c" -Wl,-soname,libcuda.so.1 -o "$3/no_gpu.so" -ldl
