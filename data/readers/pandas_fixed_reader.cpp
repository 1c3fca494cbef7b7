#include "data/readers/pandas_fixed_reader.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/texts.hpp"
#include "data/readers/dataset_field.hpp"

#include <map>

namespace tev {
namespace {

/// Groups that pandas marked as a frame.
std::string find_frame(const hdf5::File& file) {
  std::vector<std::string> frames;
  for (const auto& path : file.dataset_paths()) {
    const std::string ending = "/block0_values";
    if (path.size() < ending.size() || path.compare(path.size() - ending.size(), ending.size(), ending) != 0) continue;
    const std::string group = path.substr(0, path.size() - ending.size());
    if (file.text_attribute(group, "pandas_type") == "frame") frames.push_back(group);
  }
  TEV_CHECK_INPUT(!frames.empty(), file.path(), ": has no pandas frame of the format 'fixed' (datasets: ", join_names(file.dataset_paths()),
                  "). Set data.reader to pandas_table, dense or compound.");
  TEV_CHECK_INPUT(frames.size() == 1, file.path(), ": has several pandas frames: ", join_names(frames),
                  " (one was expected). Use the reader dense, whose fields are paths, or one file a frame.");
  return frames.front();
}

/// The columns of a frame: which dataset, and which value of its rows.
class Frame {
 public:
  explicit Frame(const std::shared_ptr<const hdf5::File>& file) : file_(file), group_(find_frame(*file)) {
    for (int block = 0;; ++block) {
      const std::string base = group_ + "/block" + std::to_string(block);
      if (!file_->has_dataset(base + "_items") || !file_->has_dataset(base + "_values")) break;
      const auto names = hdf5::read_texts(*file_, base + "_items");
      for (size_t i = 0; i < names.size(); ++i) {
        const bool is_new = columns_.emplace(names[i], FieldAddress::Part{base + "_values", "", static_cast<int64_t>(i)}).second;
        TEV_CHECK_INPUT(is_new, file_->path(), ": '", group_, "' has two columns '", names[i],
                        "' (names that differ were expected). Use the reader dense, whose fields are the blocks.");
        names_.push_back(names[i]);
      }
    }
  }

  FieldAddress find(const FieldRequest& request) const {
    if (request.members.empty() && !columns_.count(request.field)) {
      const std::string block = group_ + "/" + request.field;
      if (!file_->has_dataset(block)) throw_no_field(*file_, request, names_);
      return FieldAddress::of(block, {});
    }
    FieldAddress address;
    if (request.members.empty()) {
      address.parts = {columns_.at(request.field)};
      return address;
    }
    TEV_CHECK_INPUT(hdf5::absolute_path(request.field) == group_, request.key, ": '", request.field, "' is not the frame '", group_.substr(1),
                    "' of ", file_->path(), " whose columns ", request.members_key(), " names. Write '", group_.substr(1), "'.");
    for (const auto& name : request.members) {
      const auto column = columns_.find(name);
      TEV_CHECK_INPUT(column != columns_.end(), request.members_key(), ": ", file_->path(), ": '", request.field, "' has no column '", name,
                      "' (columns: ", join_names(names_), ").", suggest_name(name, names_));
      address.parts.push_back(column->second);
    }
    return address;
  }

 private:
  std::shared_ptr<const hdf5::File> file_;
  std::string group_;
  std::map<std::string, FieldAddress::Part> columns_;
  std::vector<std::string> names_;
};

}  // namespace

FieldResolver pandas_fixed_fields(const std::shared_ptr<const hdf5::File>& file) {
  const auto frame = std::make_shared<const Frame>(file);
  return [frame](const FieldRequest& request) { return frame->find(request); };
}

}  // namespace tev
