#include "data/catalog/catalog.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/file.hpp"
#include "data/readers/registry.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

namespace tev {
namespace {

/// Files held open at a time: a quarter of what the system allows (1,024 by default), since others need descriptors too.
size_t most_open_files() {
  rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
  return std::clamp<size_t>(known ? limit.rlim_cur / 4 : 0, 8, 256);
}

/// Files of which the catalog thread finds the fields before they are asked for, so that it never waits.
constexpr size_t kFilesAhead = 8;

/// After so many units in a row that the system holds, one in so many is looked at: a system call a chunk is felt where chunks are uncompressed.
constexpr int64_t kHeldUnits = 16;

/// Whether there is nothing wrong with the file itself.
bool can_be_opened(const std::string& path, CatalogThread& thread) {
  try {
    thread.run([&path] { hdf5::File::open(path); });
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

/// A file to open.
struct Catalog::Listed {
  std::string path;
  std::string virtual_path{};  ///< of the file that this one is a part of; empty: it was named itself
  std::future<std::unique_ptr<Reader>> opening{};
};

std::vector<Catalog::Listed> Catalog::parts_of(const Reader& reader, const std::string& path) {
  std::vector<Listed> parts;
  for (const auto& part : reader.parts()) parts.push_back({part, path, {}});
  return parts;
}

/// A file may be there twice: behind a virtual dataset and named itself.
void Catalog::check_once(const std::vector<Listed>& files) {
  if (std::all_of(files.begin(), files.end(), [](const Listed& file) { return file.virtual_path.empty(); })) return;
  std::set<std::string> seen;
  for (const auto& file : files)
    TEV_CHECK_INPUT(seen.insert(std::filesystem::weakly_canonical(file.path).string()).second, file.path, ": is read twice",
                    file.virtual_path.empty() ? "" : ", once as a part of the virtual file ", file.virtual_path,
                    " (every event counts once). Take it out of the list or out of the virtual file.");
}

std::shared_ptr<Catalog> Catalog::open(const std::string& layout, std::vector<std::string> files,
                                       std::vector<FieldRequest> requests, CatalogThread& thread, const CatalogOptions& options) {
  TEV_CHECK_INPUT(!files.empty(), "data: no file is named. Set data.train, or data.files and data.split.");
  TEV_CHECK_INPUT(!requests.empty(), "data.objects: no field is asked for. Name at least one.");
  std::shared_ptr<Catalog> catalog(new Catalog(layout, std::move(requests), thread));
  catalog->skip_faults_ = options.skip_faults;
  std::vector<Listed> list;
  std::vector<Listed> behind;  // of virtual files that are open themselves
  for (auto& path : files) list.push_back({std::move(path), {}, {}});
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t next = i; next < std::min(i + kFilesAhead, list.size()); ++next)
      if (!list[next].opening.valid()) list[next].opening = start_reader(layout, list[next].path, catalog->requests_, thread, options.cache);
    try {
      auto reader = list[i].opening.get();
      auto parts = list[i].virtual_path.empty() ? parts_of(*reader, list[i].path) : std::vector<Listed>{};
      if (parts.empty() || !options.open_parts) {
        catalog->add_file(list[i].path, std::move(reader));
        std::move(parts.begin(), parts.end(), std::back_inserter(behind));
      } else {
        list.insert(list.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move_iterator(parts.begin()), std::move_iterator(parts.end()));
      }
    } catch (const Error& error) {
      if (!options.skip_faults || can_be_opened(list[i].path, thread)) throw;
      catalog->left_out_.push_back(error.what());
    }
    if (options.progress) options.progress(static_cast<int64_t>(i) + 1, static_cast<int64_t>(list.size()));
  }
  for (const auto& file : behind) catalog->behind_.push_back(file.path);
  std::move(behind.begin(), behind.end(), std::back_inserter(list));
  check_once(list);
  TEV_CHECK_INPUT(!catalog->files_.empty(), catalog->left_out_.empty() ? "" : catalog->left_out_.front(), " None of the files can be read.");
  TEV_CHECK_INPUT(catalog->num_events_ > 0, list.front().path, list.size() > 1 ? " and the other files" : "",
                  ": no events (the datasets have 0 rows). Name files with events.");
  return catalog;
}

void Catalog::add_file(const std::string& path, std::unique_ptr<Reader> reader) {
  if (files_.empty()) {
    widths_ = reader->widths();
    types_ = reader->types();
  }
  check_columns(path, *reader);
  const auto file = static_cast<int32_t>(files_.size());
  files_.push_back({path, num_events_, reader->num_events(), units_.size(), c10::str(c10::Join("; ", reader->signatures())), nullptr});
  for (const auto& unit : reader->units()) units_.push_back({unit, file});
  num_events_ += files_.back().num_events;
  if (const auto slow = reader->library_reads(); library_reads_.empty() && !slow.empty()) library_reads_ = path + ": " + join_names(slow);
  scratch_bytes_ = std::max(scratch_bytes_, reader->scratch_bytes());
  library_bytes_ = std::max(library_bytes_, reader->library_bytes());
  table_bytes_ += reader->table_bytes() + static_cast<int64_t>((units_.size() - files_.back().first_unit) * sizeof(Unit));
  files_.back().reader = std::move(reader);
}

void Catalog::check_columns(const std::string& path, const Reader& reader) const {
  const auto widths = reader.widths();
  const auto types = reader.types();
  for (size_t i = 0; i < widths.size(); ++i) {
    const bool any_width = requests_[i].as == FieldRequest::As::text;
    TEV_CHECK_INPUT(any_width || widths[i] == widths_[i], requests_[i].key, ": ", path, ": '", requests_[i].field, "' has ", widths[i],
                    " values an event, but ", widths_[i], " in ", files_.front().path,
                    " (all files of a set have the same columns). Take the file out.");
    TEV_CHECK_INPUT(types[i] == types_[i], requests_[i].key, ": ", path, ": '", requests_[i].field, "' is read as ", types[i], ", but as ",
                    types_[i], " from ", files_.front().path, " (all files of a set have the same columns). Take the file out.");
  }
}

int64_t Catalog::stored_bytes() const {
  int64_t bytes = 0;
  for (const auto& unit : units_) bytes += unit.stored_bytes;
  return bytes;
}

/// Numbers become float32, whole records stay as they are.
int64_t Catalog::memory_of(const Unit& unit) const {
  const bool are_bytes = std::all_of(types_.begin(), types_.end(), [](at::ScalarType type) { return type == at::kByte; });
  return std::max(unit.stored_bytes, (are_bytes ? 1 : static_cast<int64_t>(sizeof(float))) * unit.num_values);
}

int64_t Catalog::event_bytes() const {
  int64_t bytes = 0;
  for (const auto& unit : units_) bytes += memory_of(unit);
  return bytes / num_events_;
}

int64_t Catalog::most_event_bytes() const {
  int64_t most = 1;
  for (const auto& unit : units_) most = std::max(most, memory_of(unit) / std::max<int64_t>(1, unit.num_events));
  return most;
}

std::vector<std::string> Catalog::file_paths() const {
  std::vector<std::string> paths;
  for (const auto& file : files_) paths.push_back(file.path);
  return paths;
}

std::vector<std::string> Catalog::all_paths() const {
  std::vector<std::string> paths = file_paths();
  paths.insert(paths.end(), behind_.begin(), behind_.end());
  return paths;
}

int64_t Catalog::first_sample_id(int64_t unit) const {
  const Unit& u = units_.at(unit);
  return files_[u.file].first_sample_id + u.first_event;
}

std::vector<FieldValues> Catalog::read(int64_t unit) {
  const Unit& u = units_.at(unit);
  keep_open(u.file);
  return files_[u.file].reader->read(u.first_event, u.num_events);
}

void Catalog::expect(int64_t unit) {
  if (const int64_t held = held_in_a_row_++; held >= kHeldUnits && held % kHeldUnits != 0) return;
  const int32_t file = units_.at(unit).file;
  keep_open(file);
  if (files_[file].reader->expect(static_cast<size_t>(unit) - files_[file].first_unit)) held_in_a_row_ = 0;
}

/// Counts the file as open and closes the one that was used longest ago, if there are too many.
void Catalog::keep_open(int32_t file) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(open_.begin(), open_.end(), file);
  open_.splice(open_.begin(), open_, found != open_.end() ? found : open_.insert(open_.begin(), file));
  static const size_t most = most_open_files();
  if (open_.size() <= most) return;
  files_[open_.back()].reader->close();
  open_.pop_back();
}

}  // namespace tev
