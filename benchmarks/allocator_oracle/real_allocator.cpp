#include <unistd.h>
// Drives the caching allocator of the installed libc10_cuda.so from lines on stdin:
//   m SIZE STREAM | f INDEX (of the INDEX-th m) | e | r FRACTION
// and prints a line after each: "ok|oom allocated requested reserved peaks...|segments".
#include <c10/core/AllocatorConfig.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/PeerToPeerAccess.h>
#include <cstdio>
#include <cstring>
#include <vector>
using namespace c10::cuda::CUDACachingAllocator;
int main() {
  auto* allocator = get();
  allocator->init(1);
  c10::cuda::detail::init_p2p_access_cache(1);
  std::vector<void*> blocks;
  char line[256];
  while (fgets(line, sizeof line, stdin)) {
    const char* result = "ok";
    if (line[0] == 'm') {
      unsigned long long size = 0, stream = 0;
      sscanf(line + 1, "%llu %llu", &size, &stream);
      try {
        blocks.push_back(allocator->raw_alloc_with_stream(size, (cudaStream_t)stream));
      } catch (const c10::OutOfMemoryError& e) {
        blocks.push_back(nullptr);
        result = "oom";
      }
    } else if (line[0] == 'f') {
      allocator->raw_delete(blocks.at(strtoull(line + 1, nullptr, 10)));
    } else if (line[0] == 'e') {
      allocator->emptyCache();
    } else if (line[0] == 'r') {
      allocator->setMemoryFraction(strtod(line + 1, nullptr), 0);
    }
    auto stats = allocator->getDeviceStats(0);
    printf("%s %ld %ld %ld %ld %ld %ld", result, stats.allocated_bytes[0].current,
           stats.requested_bytes[0].current, stats.reserved_bytes[0].current,
           stats.allocated_bytes[0].peak, stats.requested_bytes[0].peak,
           stats.reserved_bytes[0].peak);
    for (const auto& segment : allocator->snapshot().segments) {
      printf("|%zu %zu %d", segment.address, (size_t)segment.stream, (int)!segment.is_large);
      for (const auto& block : segment.blocks)
        printf(" %zu:%zu:%d", block.size, block.allocated ? block.requested_size : 0,
               (int)block.allocated);
    }
    printf("\n");
  }
  fflush(stdout);
  _exit(0);
}
