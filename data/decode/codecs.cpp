#include "data/decode/codecs.hpp"

#include <blosc.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

namespace tev::decode {
namespace {

void check(bool good, const char* reason) {
  if (!good) throw BadData(reason);
}

uint64_t big_endian(const char* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// LZ4 and Blosc count in int.
int as_int(size_t bytes) {
  check(bytes <= static_cast<size_t>(std::numeric_limits<int>::max()), "a chunk of more than 2 GiB");
  return static_cast<int>(bytes);
}

/// Planes of numbers of a size that the compiler knows, so that it interleaves with vector instructions.
template <size_t Size>
void unshuffle_planes(const char* in, size_t count, char* out) {
  for (size_t i = 0; i < count; ++i)
    for (size_t byte = 0; byte < Size; ++byte) out[i * Size + byte] = in[byte * count + i];
}

/// Numbers of any size, in blocks that stay in the cache: records of compound datasets.
void unshuffle_records(const char* in, size_t count, size_t size, char* out) {
  constexpr size_t kBlock = 64;
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t last = std::min(count, first + kBlock);
    for (size_t byte = 0; byte < size; ++byte)
      for (size_t i = first; i < last; ++i) out[i * size + byte] = in[byte * count + i];
  }
}

/// Sums of big-endian 16-bit words, folded to 16 bits each.
uint32_t fletcher32_of(const char* bytes, size_t size) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes);
  uint32_t first = 0, second = 0;
  for (size_t words = size / 2; words > 0;) {
    const size_t block = std::min<size_t>(words, 360);  // as many as fit into 32 bits
    words -= block;
    for (size_t i = 0; i < block; ++i, data += 2) {
      first += static_cast<uint32_t>(data[0] << 8 | data[1]);
      second += first;
    }
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
  }
  if (size % 2 != 0) {
    first += static_cast<uint32_t>(data[0] << 8);
    second += first;
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
  }
  first = (first & 0xffff) + (first >> 16);
  second = (second & 0xffff) + (second >> 16);
  return second << 16 | first;
}

}  // namespace

void inflate(In in, Out out) {
  using Decompressor = std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;
  static thread_local const Decompressor decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  check(decompressor != nullptr, "no memory for the decompressor");
  switch (libdeflate_zlib_decompress(decompressor.get(), in.data(), in.size(), out.data(), out.size(), nullptr)) {
    case LIBDEFLATE_SUCCESS: return;
    case LIBDEFLATE_SHORT_OUTPUT: throw BadData("gzip: less data than the chunk has");
    case LIBDEFLATE_INSUFFICIENT_SPACE: throw BadData("gzip: more data than the chunk has");
    default: throw BadData("gzip: damaged data");
  }
}

void lz4(In in, Out out) {
  check(in.size() >= 12 && big_endian(in.data(), 8) == out.size(), "lz4: damaged header");
  const size_t block = std::min<uint64_t>(big_endian(in.data() + 8, 4), out.size());
  check(block > 0 || out.empty(), "lz4: damaged header");
  size_t from = 12;
  for (size_t to = 0; to < out.size(); to += block) {
    const size_t bytes = std::min(block, out.size() - to);
    check(in.size() - from >= 4, "lz4: damaged block");
    const size_t stored = big_endian(in.data() + from, 4);
    from += 4;
    check(stored <= in.size() - from, "lz4: damaged block");
    if (stored == bytes)
      std::memcpy(out.data() + to, in.data() + from, bytes);
    else
      check(LZ4_decompress_safe(in.data() + from, out.data() + to, as_int(stored), as_int(bytes)) == as_int(bytes),
            "lz4: damaged block");
    from += stored;
  }
}

void lzf(In in, Out out) {
  size_t from = 0, to = 0;
  const auto next = [&] {
    check(from < in.size(), "lzf: less data than the chunk has");
    return static_cast<size_t>(static_cast<unsigned char>(in[from++]));
  };
  while (to < out.size()) {
    const size_t control = next();
    if (control < 32) {  // so many bytes and one more follow
      const size_t length = control + 1;
      check(length <= in.size() - from && length <= out.size() - to, "lzf: damaged data");
      std::memcpy(out.data() + to, in.data() + from, length);
      from += length;
      to += length;
      continue;
    }
    const size_t length = (control >> 5 == 7 ? 7 + next() : control >> 5) + 2;
    const size_t distance = ((control & 31) << 8 | next()) + 1;
    check(distance <= to && length <= out.size() - to, "lzf: damaged data");
    char* target = out.data() + to;
    const char* source = target - distance;
    for (size_t i = 0; i < length; ++i) target[i] = source[i];  // may overlap: a run
    to += length;
  }
  check(from == in.size(), "lzf: more data than the chunk has");
}

void zstd(In in, Out out) {
  using Context = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;
  static thread_local const Context context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  check(context != nullptr, "no memory for the decompressor");
  const size_t bytes = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), in.data(), in.size());
  if (ZSTD_isError(bytes)) throw BadData(std::string("zstd: ") + ZSTD_getErrorName(bytes));
  check(bytes == out.size(), "zstd: less data than the chunk has");
}

void blosc(In in, Out out) {
  size_t bytes = 0;
  check(in.size() >= BLOSC_MIN_HEADER_LENGTH && blosc_cbuffer_validate(in.data(), in.size(), &bytes) == 0 && bytes == out.size(),
        "blosc: damaged header");
  check(blosc_decompress_ctx(in.data(), out.data(), out.size(), 1) == as_int(out.size()), "blosc: damaged data");
}

void unshuffle(In in, size_t size, Out out) {
  check(in.size() == out.size(), "shuffle: wrong size");
  const size_t count = size > 0 ? in.size() / size : 0;
  switch (size) {
    case 0:
    case 1: std::copy(in.begin(), in.end(), out.begin()); return;
    case 2: unshuffle_planes<2>(in.data(), count, out.data()); break;
    case 4: unshuffle_planes<4>(in.data(), count, out.data()); break;
    case 8: unshuffle_planes<8>(in.data(), count, out.data()); break;
    default: unshuffle_records(in.data(), count, size, out.data()); break;
  }
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(count * size), in.end(), out.begin() + static_cast<std::ptrdiff_t>(count * size));
}

void fletcher32(In in, Out out) {
  check(in.size() == out.size() + 4, "fletcher32: wrong size");
  uint32_t stored = 0;
  for (size_t i = 0; i < 4; ++i) stored |= uint32_t{static_cast<unsigned char>(in[out.size() + i])} << (8 * i);
  const uint32_t sum = fletcher32_of(in.data(), out.size());
  const uint32_t swapped = (sum & 0x00ff00ff) << 8 | (sum & 0xff00ff00) >> 8;
  check(stored == sum || stored == swapped, "fletcher32: the checksum does not fit the data");
  std::copy_n(in.begin(), out.size(), out.begin());
}

}  // namespace tev::decode
