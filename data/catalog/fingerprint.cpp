#include "data/catalog/catalog.hpp"

#include "base/check.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <optional>

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

/// Results of get(i) for i = 0, 1, ..., in order, made by some threads, of which each is at most one result ahead.
template <class Result>
class Ahead {
 public:
  Ahead(size_t count, int64_t threads, std::function<Result(size_t)> get) : count_(count), threads_(static_cast<size_t>(threads)), get_(std::move(get)) {}

  Result next() {
    for (; ready_.size() < threads_ && started_ < count_; ++started_)
      ready_.push_back(std::async(std::launch::async, [this, i = started_] { return get_(i); }));
    auto result = std::move(ready_.front());
    ready_.pop_front();
    return result.get();
  }

 private:
  size_t count_, threads_, started_ = 0;
  std::function<Result(size_t)> get_;
  std::deque<std::future<Result>> ready_;  // destroyed first: a future of async waits
};

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
  Ahead<std::optional<std::vector<FieldValues>>> samples(units.size(), threads, [&](size_t i) { return read_sample(units[i]); });
  uint64_t hash = hash_text(layout_, 0);
  size_t next = 0;
  for (size_t file = 0; file < files_.size(); ++file) {
    hash = hash_numbers({files_[file].num_events}, hash_text(files_[file].signature, hash));
    for (; next < end_of_file[file]; ++next) {
      const auto fields = samples.next();
      hash = fields ? hash_fields(*fields, hash) : hash_text("unreadable", hash);
    }
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
