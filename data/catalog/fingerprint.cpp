#include "data/catalog/catalog.hpp"

#include "base/check.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <utility>

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

uint64_t hash_fields(const std::vector<FieldValues>& fields, uint64_t hash) {
  for (const auto& [values, offsets] : fields) {
    hash = hash_tensor(values, hash);
    if (offsets.defined()) hash = hash_tensor(offsets, hash);
  }
  return hash;
}

}  // namespace

uint64_t Catalog::fingerprint(int64_t threads) {
  std::call_once(fingerprinted_, [&] { fingerprint_ = compute_fingerprint(threads); });
  return fingerprint_;
}

uint64_t Catalog::compute_fingerprint(int64_t threads) {
  std::vector<int64_t> units;
  std::vector<size_t> end_of_file;
  for (size_t file = 0; file < files_.size(); ++file) {
    for (const int64_t unit : sampled_units(file)) units.push_back(unit);
    end_of_file.push_back(units.size());
  }
  std::vector<uint64_t> hashes(units.size());
  std::atomic<size_t> next = 0;
  const auto hash_samples = [&] {
    try {
      for (size_t i; (i = next++) < units.size();) {
        const auto fields = read_sample(units[i]);
        hashes[i] = fields ? hash_fields(*fields, 0) : hash_text("unreadable", 0);
      }
    } catch (...) {
      next = units.size();  // the others need not go on
      throw;
    }
  };
  std::vector<std::future<void>> others;
  for (int64_t k = 1; k < std::min(threads, static_cast<int64_t>(units.size())); ++k) others.push_back(std::async(std::launch::async, hash_samples));
  hash_samples();
  for (auto& other : others) other.get();
  uint64_t hash = hash_text(layout_, 0);
  size_t unit = 0;
  for (size_t file = 0; file < files_.size(); ++file) {
    hash = hash_numbers({files_[file].num_events}, hash_text(files_[file].signature, hash));
    for (; unit < end_of_file[file]; ++unit) hash = hash_bytes(&hashes[unit], sizeof(hashes[unit]), hash);
  }
  return hash;
}

std::vector<int64_t> Catalog::sampled_units(size_t file) const {
  const int64_t most = std::clamp<int64_t>(kMostUnitsInAll / static_cast<int64_t>(files_.size()), 1, kMostUnitsOfFile);
  const size_t first = files_[file].first_unit, end = file + 1 < files_.size() ? files_[file + 1].first_unit : units_.size();
  const int64_t units = static_cast<int64_t>(end - first), sampled = std::min(units, most);
  std::vector<int64_t> result;
  for (int64_t k = 0; k < sampled; ++k) result.push_back(static_cast<int64_t>(first) + (sampled > 1 ? k * (units - 1) / (sampled - 1) : 0));
  return result;
}

/// Nothing of a unit that is left out: whoever reads it for its events says why.
std::optional<std::vector<FieldValues>> Catalog::read_sample(int64_t unit) {
  try {
    return read(unit);
  } catch (const InputError&) {
    throw;
  } catch (const Error&) {
    if (!skip_faults_) throw;
    return std::nullopt;
  }
}

}  // namespace tev
