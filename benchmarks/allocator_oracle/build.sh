#!/bin/sh
# build.sh TORCH_DIR CUDA_INCLUDE OUT_DIR
set -e
here=$(dirname "$0")
g++ -w -O0 -std=c++20 -I"$1/include" -I"$2" "$here/real_allocator.cpp" -L"$1/lib" -lc10_cuda -lc10 \
  -Wl,-rpath,"$1/lib" -Wl,--unresolved-symbols=ignore-in-shared-libs -o "$3/real_allocator"
