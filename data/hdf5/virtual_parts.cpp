#include "data/hdf5/virtual_parts.hpp"

#include "base/check.hpp"
#include "data/hdf5/dataset.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <numeric>
#include <utility>

namespace tev::hdf5 {
namespace {

/// A half-open range of rows.
struct Rows {
  int64_t begin = 0, end = 0;
};

/// A dataset behind a virtual one.
struct Source {
  std::string path, dataset;
  std::string where;           ///< both, for messages
  std::vector<int64_t> shape;
  std::string type;            ///< encoded
};

/// A mapping of a virtual dataset.
class Mapping {
 public:
  Mapping(const Dataset& dataset, int64_t creation_list, size_t index)
      : shape_(dataset.shape()), where_(dataset.file().path() + ": dataset '" + dataset.path() + "'"), list_(creation_list), index_(index) {}

  std::string file() const { return text(H5Pget_virtual_filename); }
  std::string dataset() const { return text(H5Pget_virtual_dsetname); }
  /// Which rows of the dataset it gives, if it gives whole rows behind each other.
  std::optional<Rows> target() const {
    const Handle space(TEV_H5(H5Pget_virtual_vspace(list_, index_), where_), H5Sclose);
    if (shape_.empty() || H5Sget_select_type(space.id()) == H5S_SEL_POINTS) return std::nullopt;
    const hssize_t selected = H5Sget_select_npoints(space.id());
    hsize_t first[H5S_MAX_RANK], last[H5S_MAX_RANK];
    if (selected <= 0) return std::nullopt;  // nothing, or no end
    TEV_H5(H5Sget_select_bounds(space.id(), first, last), where_);
    int64_t box = 1;
    for (size_t d = 0; d < shape_.size(); ++d) {
      if (d > 0 && (first[d] != 0 || std::cmp_not_equal(last[d] + 1, shape_[d]))) return std::nullopt;
      box *= static_cast<int64_t>(last[d] - first[d] + 1);
    }
    if (box != selected) return std::nullopt;  // with gaps
    return Rows{static_cast<int64_t>(first[0]), static_cast<int64_t>(last[0]) + 1};
  }
  /// That the source has what is taken from it. Its shape is not kept with the mapping.
  /// @throws InputError  it is smaller: the library would give fill values, or end the program
  void check_within(const Source& source) const {
    const Handle space(TEV_H5(H5Pget_virtual_srcspace(list_, index_), where_), H5Sclose);
    if (takes_everything(space)) {
      const Handle target(TEV_H5(H5Pget_virtual_vspace(list_, index_), where_), H5Sclose);
      const int64_t points = std::accumulate(source.shape.begin(), source.shape.end(), int64_t{1}, std::multiplies<>());
      TEV_CHECK_INPUT(points == H5Sget_select_npoints(target.id()), source.where, " has the shape [", c10::Join(", ", source.shape), "], but ", where_,
                      ", a virtual one, has room for ", H5Sget_select_npoints(target.id()), " elements of it. Make the virtual file again.");
      return;
    }
    const bool has_rank = std::cmp_equal(TEV_H5(H5Sget_simple_extent_ndims(space.id()), where_), source.shape.size());
    if (H5Sget_select_npoints(space.id()) <= 0) return;  // nothing, or as much as there is
    hsize_t first[H5S_MAX_RANK], last[H5S_MAX_RANK];
    TEV_H5(H5Sget_select_bounds(space.id(), first, last), where_);
    for (size_t d = 0; has_rank && d < source.shape.size(); ++d)
      TEV_CHECK_INPUT(std::cmp_less(last[d], source.shape[d]), source.where, " has the shape [", c10::Join(", ", source.shape), "], but ", where_,
                      ", a virtual one, takes up to index ", last[d], " of dimension ", d, " from it. Make the virtual file again.");
  }

 private:
  std::string text(ssize_t (*get)(hid_t, size_t, char*, size_t)) const {
    std::string name(static_cast<size_t>(TEV_H5(get(list_, index_, nullptr, 0), where_)) + 1, '\0');
    TEV_H5(get(list_, index_, name.data(), name.size()), where_);
    name.pop_back();
    return name;
  }

  static bool takes_everything(const Handle& space) { return H5Sget_select_type(space.id()) == H5S_SEL_ALL; }

  std::vector<int64_t> shape_;
  std::string where_;
  int64_t list_;
  size_t index_;
};

namespace fs = std::filesystem;

/// Where the library looks for a file behind a virtual dataset, in its order (H5F_prefix_open_file of 1.10).
std::vector<fs::path> places(const fs::path& virtual_file, const fs::path& name) {
  std::vector<fs::path> places;
  if (name.is_absolute()) places.push_back(name);
  const fs::path relative = name.is_absolute() ? name.filename() : name;
  if (const char* prefix = std::getenv("HDF5_VDS_PREFIX")) places.push_back(prefix / relative);
  places.push_back(virtual_file.parent_path() / relative);
  places.push_back(relative);
  places.push_back(fs::canonical(virtual_file).parent_path() / relative);
  return places;
}

/// All of a type, down to the members.
std::string type_of(int64_t dataset, const std::string& where) {
  const Handle type(TEV_H5(H5Dget_type(dataset), where), H5Tclose);
  size_t bytes = 0;
  TEV_H5(H5Tencode(type.id(), nullptr, &bytes), where);
  std::string encoded(bytes, '\0');
  TEV_H5(H5Tencode(type.id(), encoded.data(), &bytes), where);
  return encoded;
}

std::string source_path(const Dataset& dataset, const std::string& name) {
  const auto candidates = places(dataset.file().path(), name);
  const auto found = std::find_if(candidates.begin(), candidates.end(), [](const fs::path& path) { return fs::exists(path); });
  TEV_CHECK_INPUT(found != candidates.end(), dataset.file().path(), ": virtual dataset '", dataset.path(), "': the file '", name,
                  "' behind it is missing (the HDF5 library would give fill values in its place). Bring it back, or make the virtual file again.");
  return found->string();
}

/// @throws InputError  there is no such dataset
Source open_source(const std::string& path, const std::string& name) {
  const auto file = File::open(path);
  TEV_CHECK_INPUT(file->has_dataset(name), path, ": has no dataset '", name, "', of which a virtual one is made. Make the virtual file again.");
  Source source{path, name, path + ": dataset '" + name + "'", {}, {}};
  const Handle dataset(TEV_H5(H5Dopen2(file->id(), name.c_str(), H5P_DEFAULT), source.where), H5Dclose);
  source.shape = shape_of(dataset.id(), source.where);
  source.type = type_of(dataset.id(), source.where);
  return source;
}

/// Whether these rows of a virtual dataset are all of a source, which has what is taken from it: they are as many, and of the same form.
bool are_all_of(const Source& source, const Rows& rows, const std::vector<int64_t>& shape) {
  return source.shape.size() == shape.size() && source.shape.front() == rows.end - rows.begin &&
         std::equal(source.shape.begin() + 1, source.shape.end(), shape.begin() + 1);
}

}  // namespace

std::optional<std::vector<VirtualPart>> virtual_parts(const Dataset& dataset) {
  const std::string where = dataset.file().path() + ": dataset '" + dataset.path() + "'";
  const Handle creation(TEV_H5(H5Dget_create_plist(dataset.id()), where), H5Pclose);
  if (H5Pget_layout(creation.id()) != H5D_VIRTUAL) return std::nullopt;
  const std::string type = type_of(dataset.id(), where);
  size_t count = 0;
  TEV_H5(H5Pget_virtual_count(creation.id(), &count), where);
  std::vector<std::pair<int64_t, VirtualPart>> parts;
  bool are_whole = true;
  for (size_t i = 0; i < count; ++i) {
    const Mapping mapping(dataset, creation.id(), i);
    const std::string name = mapping.file();
    const bool is_pattern = (name + mapping.dataset()).find('%') != std::string::npos || name == ".";  // numbered ones; the file itself
    const auto target = mapping.target();
    are_whole = are_whole && !is_pattern && target;
    if (is_pattern) continue;
    const Source source = open_source(source_path(dataset, name), mapping.dataset());
    mapping.check_within(source);
    are_whole = are_whole && are_all_of(source, *target, dataset.shape()) && source.type == type;
    if (are_whole) parts.emplace_back(target->begin, VirtualPart{source.path, source.dataset, source.shape.front()});
  }
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  int64_t next = 0;
  std::vector<VirtualPart> result;
  for (auto& [first_row, part] : parts) {
    are_whole = are_whole && first_row == next;
    next += part.num_rows;
    result.push_back(std::move(part));
  }
  if (!are_whole || dataset.shape().empty() || next != dataset.shape().front()) return std::nullopt;
  return result;
}

}  // namespace tev::hdf5
