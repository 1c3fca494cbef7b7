#pragma once
// Rows written past the caches.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstring>

#include "kernels/row_shapes.hpp"
#include "kernels/simd.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tev {

/// A plain store first reads its line from memory, a streaming one does not. That pays where the output will have left
/// the caches anyway before anybody reads it, as the gradient of a large segment sum has.
enum class Stores { plain, streaming };

/// Streaming for an operator that moves more bytes than the share of a last-level cache that a process may hope for.
/// @param output  its rows must keep the 16-byte alignment of streaming stores, else they are plain
inline Stores choose_stores(const at::Tensor& output, size_t bytes_moved) {
  constexpr size_t cache_bytes = 32 << 20;
  const bool is_aligned = flat_channels(output) * output.element_size() % 16 == 0 &&
                          reinterpret_cast<uintptr_t>(output.const_data_ptr()) % 16 == 0;
  return is_aligned && bytes_moved >= cache_bytes ? Stores::streaming : Stores::plain;
}

template <int width, class scalar_t>
TEV_SIMD_BODY void store_tile(scalar_t* to, const scalar_t* tile, Stores stores) {
#if defined(__SSE2__)
  constexpr int bytes = width * sizeof(scalar_t);
  if constexpr (bytes % sizeof(__m128i) == 0) {
    if (stores == Stores::streaming) {
      for (int byte = 0; byte < bytes; byte += sizeof(__m128i)) {
        const auto* from = reinterpret_cast<const __m128i*>(reinterpret_cast<const char*>(tile) + byte);
        _mm_stream_si128(reinterpret_cast<__m128i*>(reinterpret_cast<char*>(to) + byte), _mm_loadu_si128(from));
      }
      return;
    }
  }
#endif
  std::memcpy(to, tile, width * sizeof(scalar_t));
}

/// Streaming stores are not ordered before a later release of the thread, unless this stands between.
inline void finish_stores() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace tev
