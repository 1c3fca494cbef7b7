#include "data/repack/stored_columns.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/contents.hpp"
#include "data/hdf5/dataset.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tev {
namespace {

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_in_group(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Whether a path is one of the datasets, or in one of the groups.
bool is_among(const std::string& path, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&path](const std::string& name) {
    const std::string whole = hdf5::absolute_path(name);
    return path == whole || path.rfind(whole + "/", 0) == 0;
  });
}

/// PyTables keeps the order of its columns in groups called _i_<table>.
bool is_pytables_index(const std::string& path) { return path.find("/_i_") != std::string::npos; }

/// Names of rows and columns of a fixed pandas frame, which has them beside a block of values.
bool is_pandas_names(const std::string& path, const hdf5::File& file) {
  const std::string name = name_in_group(path);
  const bool items = name.rfind("block", 0) == 0 && name.size() > 6 && name.compare(name.size() - 6, 6, "_items") == 0;
  return (name == "axis0" || items) && file.has_dataset(parent(path) + "/block0_values");
}

/// What divides the rows of a group.
struct Rows {
  std::string path;
  RowsKind kind = RowsKind::none;
  int64_t num_events = 0;
  int64_t end = -1;  ///< of offsets: rows in all; -1: all datasets of the group are divided
};

class Sorter {
 public:
  explicit Sorter(const std::string& path) : file_(hdf5::File::open(path)), contents_(hdf5::contents_of(*file_)) {}

  StoredColumns sort(const std::vector<std::string>& left_out, const std::vector<std::string>& copied) && {
    check_names(left_out, "--leave-out");
    check_names(copied, "--copy");
    for (const auto& link : contents_.links)
      TEV_CHECK_INPUT(is_among(link, left_out), file_->path(), ": '", link, "' is a link to what lies elsewhere (what lies in the file itself is repacked). ",
                      "Repack the file that holds it, or leave it out with --leave-out ", link, ".");
    std::vector<std::string> paths;
    for (const auto& path : file_->dataset_paths()) {
      if (is_among(path, left_out)) continue;
      if (is_pytables_index(path)) {
        if (indexes_.insert(path.substr(0, path.find("/_i_"))).second)
          result_.notes.push_back("'" + path.substr(0, path.find('/', path.find("/_i_") + 4)) + "' is left out: an index of the old order");
      } else if (is_among(path, copied) || is_among(path, contents_.scalars) || is_pandas_names(path, *file_)) {
        result_.copied.push_back(path);
      } else {
        paths.push_back(path);
        datasets_.emplace(path, hdf5::Dataset(file_, path));
      }
    }
    find_rows();
    const int64_t num_events = events(paths);
    for (const auto& path : paths) add(path, num_events);
    for (const auto& group : contents_.groups)
      if (!is_among(group, left_out) && !is_pytables_index(group)) result_.groups.push_back(group);
    TEV_CHECK_INPUT(!result_.columns.empty(), file_->path(), ": has no dataset to repack. Name another file.");
    return std::move(result_);
  }

 private:
  void check_names(const std::vector<std::string>& names, const char* option) const {
    auto paths = file_->dataset_paths();
    paths.insert(paths.end(), contents_.links.begin(), contents_.links.end());
    for (const auto& name : names)
      TEV_CHECK_INPUT(std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return is_among(path, {name}); }), option, ": ", file_->path(),
                      " has no dataset or group '", name, "' (datasets: ", join_names(file_->dataset_names()), ").",
                      suggest_name(name, file_->dataset_names()));
  }

  /// Groups that say which of their rows belong to an event.
  void find_rows() {
    for (const auto& [path, dataset] : datasets_) {
      const auto& record = dataset.record();
      if (dataset.shape().size() != 1) continue;
      if (name_in_group(path) == "extents" && record.compound && record.members.size() == 2 && record.find("first") >= 0)
        rows_[parent(path)] = {path, RowsKind::extents, dataset.num_rows(), -1};
      if (name_in_group(path) == "offsets" && dataset.num_rows() > 0 && !record.compound && is_integer(record.members[0].scalar))
        rows_[parent(path)] = {path, RowsKind::offsets, dataset.num_rows() - 1, last_number(dataset)};
    }
  }

  static bool is_integer(hdf5::Scalar scalar) {
    return scalar != hdf5::Scalar::float16 && scalar != hdf5::Scalar::float32 && scalar != hdf5::Scalar::float64 && scalar != hdf5::Scalar::other;
  }

  static int64_t last_number(const hdf5::Dataset& dataset) {
    int64_t number = 0;  // little-endian, as the machines that this runs on
    dataset.read({0}, dataset.num_rows() - 1, 1, &number);
    return number;
  }

  /// What divides a dataset; null: it has a row an event.
  const Rows* rows_of(const std::string& path) const {
    const auto found = rows_.find(parent(path));
    if (found == rows_.end()) return nullptr;
    const Rows& rows = found->second;
    TEV_CHECK_INPUT(rows.end != rows.num_events || datasets_.at(path).num_rows() != rows.end || is_one_each(rows.path), file_->path(), ": dataset '", path,
                    "' has as many rows as there are events and rows of '", rows.path, "' (either may be meant). Name a configuration that reads the file with --config.");
    return rows.end < 0 || rows.end == datasets_.at(path).num_rows() ? &rows : nullptr;
  }

  /// Whether offsets give every event one row: then it does not matter what the rows are.
  bool is_one_each(const std::string& offsets) const {
    const hdf5::Dataset& dataset = datasets_.at(offsets);
    const auto bytes = static_cast<size_t>(dataset.row_bytes({0}));
    std::vector<char> numbers(bytes * static_cast<size_t>(dataset.num_rows()));
    dataset.read({0}, 0, dataset.num_rows(), numbers.data());
    for (int64_t i = 0; i < dataset.num_rows(); ++i) {
      int64_t number = 0;
      std::copy_n(numbers.begin() + i * static_cast<int64_t>(bytes), bytes, reinterpret_cast<char*>(&number));
      if (number != i) return false;
    }
    return true;
  }

  bool divides_others(const std::string& path) const {
    const auto found = rows_.find(parent(path));
    return found != rows_.end() && found->second.path == path;
  }

  /// Events: what offsets say, else the number of rows that most bytes have.
  int64_t events(const std::vector<std::string>& paths) const {
    if (!rows_.empty()) return rows_.begin()->second.num_events;
    std::map<int64_t, int64_t> bytes_of_rows;
    for (const auto& path : paths) {
      const auto& dataset = datasets_.at(path);
      bytes_of_rows[dataset.num_rows()] += dataset.num_rows() * dataset.records_per_row() * dataset.record().bytes;
    }
    const auto most = std::max_element(bytes_of_rows.begin(), bytes_of_rows.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == bytes_of_rows.end() ? 0 : most->first;
  }

  void add(const std::string& path, int64_t num_events) {
    const hdf5::Dataset& dataset = datasets_.at(path);
    if (divides_others(path)) {
      check_rows(path, rows_.at(parent(path)).num_events, num_events);
      return;  // extents are written anew, with the rows
    }
    const auto& member = dataset.record().members.front();
    const Rows* rows = rows_of(path);
    if (rows == nullptr) check_rows(path, dataset.num_rows(), num_events);
    TEV_CHECK_INPUT(dataset.records_per_row() > 0, file_->path(), ": dataset '", path, "' has rows of no values. Leave it out with --leave-out ", path, ".");
    RepackColumn column{{path, path, hdf5::Scalar::other, {dataset.shape().begin() + 1, dataset.shape().end()}, dataset.record().bytes},
                        rows != nullptr ? parent(path) + "/extents" : ""};
    if (member.variable_length && member.scalar != hdf5::Scalar::other) {
      column = {{path + "/values", "", member.scalar, {}, hdf5::scalar_bytes(member.scalar)}, path + "/extents"};
      result_.notes.push_back("'" + path + "' becomes '" + column.written.dataset + "' with '" + column.extents + "': read it with data.reader flat");
    }
    result_.columns.push_back(std::move(column));
    FieldRequest request;
    request.key = "repack";
    request.field = path;
    request.as = FieldRequest::As::bytes;
    if (rows != nullptr) {
      request.rows_kind = rows->kind;
      request.rows = rows->path;
    }
    result_.requests.push_back(std::move(request));
  }

  void check_rows(const std::string& path, int64_t rows, int64_t num_events) const {
    TEV_CHECK_INPUT(rows == num_events, file_->path(), ": dataset '", path, "' has ", rows, " rows, but there are ", num_events,
                    " events (it is not known which of its rows belong to an event). Name a configuration that reads the file with --config, ",
                    "leave the dataset out with --leave-out ", path, ", or take it as it is with --copy ", path, ".");
  }

  std::shared_ptr<const hdf5::File> file_;
  hdf5::Contents contents_;
  std::map<std::string, hdf5::Dataset> datasets_;
  std::map<std::string, Rows> rows_;  ///< by group
  std::set<std::string> indexes_;
  StoredColumns result_;
};

}  // namespace

void check_same_datasets(const std::string& first, const std::string& other, const std::vector<std::string>& left_out,
                         const std::vector<std::string>& copied) {
  const auto one = hdf5::File::open(first), two = hdf5::File::open(other);
  for (const auto& [file, beside] : {std::pair{one, two}, std::pair{two, one}})
    for (const auto& path : file->dataset_paths())
      TEV_CHECK_INPUT(beside->has_dataset(path) || is_among(path, left_out) || is_pytables_index(path), beside->path(), ": has no dataset '", path, "', but ",
                      file->path(), " has (all files have the same ones). Leave it out with --leave-out ", path, ", or take the file out.");
  for (const auto& path : copied) {
    const auto content = hdf5::whole_content(*one, path);
    TEV_CHECK_INPUT(content, first, ": dataset '", path, "' cannot be compared with that of ", other,
                    " (it holds references or rows of variable length; it belongs to no event, and one is taken for all). Leave it out with --leave-out ",
                    path, ".");
    TEV_CHECK_INPUT(content == hdf5::whole_content(*two, path), other, ": dataset '", path, "' is not that of ", first,
                    " (it belongs to no event, and one is taken for all). Repack the files one by one, or leave it out with --leave-out ", path, ".");
  }
}

StoredColumns stored_columns(const std::string& path, const std::vector<std::string>& left_out, const std::vector<std::string>& copied) {
  return Sorter(path).sort(left_out, copied);
}

}  // namespace tev
