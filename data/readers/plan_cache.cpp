#include "data/readers/plan_cache.hpp"

#include "data/readers/archive.hpp"

#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fstream>
#include <sstream>

namespace tev {
namespace {

namespace fs = std::filesystem;

/// Of the format and of what plans mean: another one is not read.
constexpr uint64_t kVersion = 0x7465762d706c0003;

uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string hexadecimal(uint64_t number) {
  std::ostringstream text;
  text << std::hex << number;
  return std::string(16 - text.str().size(), '0') + text.str();
}

/// Whether everything that the plan points at lies in the file.
bool is_within(const FilePlan& plan) {
  const uint64_t end = plan.records.identity.bytes;
  for (const auto& source : plan.records.sources) {
    if (!source.rows) continue;
    for (const auto& extent : source.rows->storage().extents)
      if (extent.offset > end || extent.bytes > end - extent.offset) return false;
  }
  return true;
}

}  // namespace

fs::path PlanCache::file_of(const std::string& path, const hdf5::RawFile::Identity& identity, const std::string& layout,
                            const std::vector<FieldRequest>& requests) const {
  OutArchive key;
  key(kVersion, fs::absolute(path).string(), identity, layout);
  for (const auto& request : requests)
    key(request.field, request.members, request.first, request.last, request.as, request.one_row, request.rows_kind, request.rows, request.key);
  const std::string name = hexadecimal(hash_of(key.bytes()));
  return folder_ / name.substr(0, 2) / (name + ".plan");
}

std::optional<FilePlan> PlanCache::find(const std::string& path, const std::string& layout, const std::vector<FieldRequest>& requests) const {
  const auto identity = hdf5::RawFile::identity_of(path);
  if (!identity) return std::nullopt;  // whoever opens it says why
  std::ifstream file(file_of(path, *identity, layout, requests), std::ios::binary);
  if (!file) return std::nullopt;
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  uint64_t stored = 0;
  if (content.size() < sizeof(stored)) return std::nullopt;
  std::memcpy(&stored, content.data(), sizeof(stored));
  const auto bytes = std::string_view(content).substr(sizeof(stored));
  if (stored != hash_of(bytes)) return std::nullopt;  // written by halves
  try {
    FilePlan plan = plan_from_bytes(bytes);
    if (plan.records.identity != *identity || !is_within(plan)) return std::nullopt;  // two keys of one hash
    plan.records.path = path;
    return plan;
  } catch (const Error&) {
    return std::nullopt;  // a file of which no plan makes sense: finding it again says why
  }
}

void PlanCache::keep(const FilePlan& plan, const std::string& layout, const std::vector<FieldRequest>& requests) const {
  // What only the library reads may lie behind a link, in a virtual dataset or in another file, whose changes do not show here.
  for (const auto& source : plan.records.sources)
    if (!source.rows) return;
  const fs::path path = file_of(plan.records.path, plan.records.identity, layout, requests);
  const std::string bytes = to_bytes(plan);
  const uint64_t hash = hash_of(bytes);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path temporary = path.string() + "." + std::to_string(::getpid());
  {
    std::ofstream file(temporary, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&hash), sizeof(hash)).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
      fs::remove(temporary, error);
      return;
    }
  }
  fs::rename(temporary, path, error);
  if (error) fs::remove(temporary, error);
}

}  // namespace tev
