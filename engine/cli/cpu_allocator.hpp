#pragma once
// Memory of CPU tensors.

#include <cstdint>

namespace tev {

/// Makes ATen count the bytes of its CPU tensors and keep the large blocks of freed tensors and hand them out again. Call once, before the first tensor.
///
/// glibc gives large blocks back to the system and takes them again with page faults, which costs a training step up to
/// half of its time; told to keep them, it cannot put an aligned block into the hole that an equal one has left (glibc
/// bug 14581) and the heap grows to several times what is in use. Here a block lies in a memory mapping of its own, its
/// size rounded up by at most a sixteenth, and goes to a free list of that size; large ones ask for huge pages.
/// Under a sanitizer every block comes from malloc and goes back to it, so that a use after free is seen.
void install_caching_cpu_allocator();

/// Keeps no freed blocks from now on, and one heap for all threads. For commands whose blocks are of ever other sizes, which would be kept in
/// vain, and that hold what they read to a byte budget. Call before other threads allocate.
void keep_memory_low();

/// Bytes of the CPU tensors that the calling thread has made, less those that it has freed.
int64_t tensor_bytes_of_thread();

}  // namespace tev
