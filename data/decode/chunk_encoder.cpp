#include "data/decode/chunk_encoder.hpp"

#include "base/check.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // its sizes of contexts
#include <libdeflate.h>
#include <zstd.h>

#include <cstring>
#include <memory>

namespace tev::decode {
namespace {

/// Of libdeflate's compressors, which do not say how large they are: those from this level on look for the best of many ways.
constexpr int kHeavyGzipLevel = 10;
constexpr int64_t kGzipBytes = int64_t{1} << 20, kHeavyGzipBytes = int64_t{9} << 20;

/// Numbers of `size` bytes into byte planes; what is left at the end stays as it is.
std::vector<char> shuffle(In in, size_t size) {
  std::vector<char> out(in.size());
  const size_t count = size > 0 ? in.size() / size : 0;
  for (size_t byte = 0; byte < size; ++byte)
    for (size_t i = 0; i < count; ++i) out[byte * count + i] = in[i * size + byte];
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(count * size), in.end(), out.begin() + static_cast<std::ptrdiff_t>(count * size));
  return out;
}

std::vector<char> zstd(In in, int level) {
  using Context = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;
  static thread_local const Context context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  TEV_CHECK(context != nullptr, "zstd: no memory for the compressor.");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<char> out(ZSTD_compressBound(in.size()));
  const size_t bytes = ZSTD_compress2(context.get(), out.data(), out.size(), in.data(), in.size());
  TEV_CHECK(!ZSTD_isError(bytes), "zstd: ", ZSTD_getErrorName(bytes));
  out.resize(bytes);
  return out;
}

std::vector<char> gzip(In in, int level) {
  using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;
  const Compressor compressor(libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  TEV_CHECK(compressor != nullptr, "gzip: no memory for the compressor.");
  std::vector<char> out(libdeflate_zlib_compress_bound(compressor.get(), in.size()));
  out.resize(libdeflate_zlib_compress(compressor.get(), in.data(), in.size(), out.data(), out.size()));
  return out;
}

}  // namespace

std::vector<hdf5::Filter> filters_for(const Compression& compression, int64_t record_bytes) {
  if (compression.name == "none") return {};
  const auto level = static_cast<unsigned>(compression.level);
  std::vector<hdf5::Filter> filters{{hdf5::kShuffle, "shuffle", {static_cast<unsigned>(record_bytes)}}};
  if (compression.name == "gzip") filters.push_back({hdf5::kGzip, "gzip", {level}});
  if (compression.name == "zstd") filters.push_back({hdf5::kZstd, "zstd", {level}});
  TEV_CHECK_INPUT(filters.size() == 2, "compression '", compression.name, "' is unknown (known: zstd, gzip, none). Choose one of them.");
  return filters;
}

std::vector<char> encode(const std::vector<hdf5::Filter>& filters, std::vector<char> bytes) {
  for (const auto& filter : filters) switch (filter.id) {
      case hdf5::kShuffle: bytes = shuffle(bytes, filter.values.at(0)); break;
      case hdf5::kGzip: bytes = gzip(bytes, static_cast<int>(filter.values.at(0))); break;
      case hdf5::kZstd: bytes = zstd(bytes, static_cast<int>(filter.values.at(0))); break;
      default: TEV_CHECK(false, filter.name, ": no encoder.");
    }
  return bytes;
}

int64_t compressor_bytes(const Compression& compression, int64_t chunk_bytes) {
  if (compression.name == "zstd")
    return static_cast<int64_t>(ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(compression.level, static_cast<unsigned long long>(chunk_bytes), 0)));
  if (compression.name == "gzip") return compression.level < kHeavyGzipLevel ? kGzipBytes : kHeavyGzipBytes;
  return 0;
}

}  // namespace tev::decode
