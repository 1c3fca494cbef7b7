#include "data/catalog/catalog.hpp"

#include "base/check.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace tev {
namespace {

/// Units whose bytes are hashed: at most so many a file, and about so many in all, at least one a file.
constexpr int64_t kMostUnitsOfFile = 16;
constexpr int64_t kMostUnitsInAll = 64;

uint64_t hash_bytes(const void* data, size_t size, uint64_t hash) { return XXH3_64bits_withSeed(data, size, hash); }

uint64_t hash_text(const std::string& text, uint64_t hash) { return hash_bytes(text.data(), text.size(), hash); }

uint64_t hash_numbers(const std::vector<int64_t>& numbers, uint64_t hash) {
  return hash_bytes(numbers.data(), numbers.size() * sizeof(int64_t), hash);
}

uint64_t hash_tensor(const at::Tensor& tensor, uint64_t hash) {
  return hash_bytes(tensor.const_data_ptr(), static_cast<size_t>(tensor.nbytes()), hash_numbers(tensor.sizes().vec(), hash));
}

}  // namespace

uint64_t Catalog::fingerprint() {
  std::call_once(fingerprinted_, [this] { fingerprint_ = compute_fingerprint(); });
  return fingerprint_;
}

uint64_t Catalog::compute_fingerprint() {
  uint64_t hash = hash_text(layout_, 0);
  const int64_t most = std::clamp<int64_t>(kMostUnitsInAll / static_cast<int64_t>(files_.size()), 1, kMostUnitsOfFile);
  for (size_t i = 0; i < files_.size(); ++i) {
    const File& file = files_[i];
    hash = hash_numbers({file.num_events}, hash_text(file.signature, hash));
    const size_t end = i + 1 < files_.size() ? files_[i + 1].first_unit : units_.size();
    const int64_t units = static_cast<int64_t>(end - file.first_unit), sampled = std::min(units, most);
    for (int64_t k = 0; k < sampled; ++k) {
      const int64_t unit = static_cast<int64_t>(file.first_unit) + (sampled > 1 ? k * (units - 1) / (sampled - 1) : 0);
      hash = hash_unit(unit, hash);
    }
  }
  return hash;
}

uint64_t Catalog::hash_unit(int64_t unit, uint64_t hash) {
  std::vector<FieldValues> fields;
  try {
    fields = read(unit);
  } catch (const InputError&) {
    throw;
  } catch (const Error&) {
    if (!skip_faults_) throw;
    return hash_text("unreadable", hash);  // whoever reads it for its events says why
  }
  for (const auto& [values, offsets] : fields) {
    hash = hash_tensor(values, hash);
    if (offsets.defined()) hash = hash_tensor(offsets, hash);
  }
  return hash;
}

}  // namespace tev
