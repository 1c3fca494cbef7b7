#include "data/readers/record_reader.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/readers/convert_members.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace tev {
namespace {

bool is_object_key(const std::string& key) { return key.rfind("data.objects.", 0) == 0; }

std::string sibling_key(const std::string& key, const std::string& name) {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? key : key.substr(0, dot + 1) + name;
}

/// A field, found.
struct Field {
  FieldRequest request;
  size_t dataset = 0;
  std::vector<int64_t> members;
  int64_t record_width = 0;
  int64_t width() const { return request.last - request.first; }
};

/// The type that holds numbers of a stored kind.
at::ScalarType element_type(hdf5::Scalar scalar) {
  switch (scalar) {
    case hdf5::Scalar::float32: return at::kFloat;
    case hdf5::Scalar::float64: return at::kDouble;
    default: return at::kLong;
  }
}

bool needs_no_conversion(hdf5::Scalar stored, at::ScalarType wanted) {
  const bool is_element = stored == hdf5::Scalar::float32 || stored == hdf5::Scalar::float64 || stored == hdf5::Scalar::int64;
  return is_element && element_type(stored) == wanted;
}

/// A dataset and the members of it that some field needs, in the order in which they are read.
struct Source {
  hdf5::Dataset dataset;
  std::vector<int64_t> members;
  int64_t record_bytes() const { return dataset.row_bytes(members) / std::max<int64_t>(1, dataset.records_per_row()); }
};

class RecordReader final : public Reader {
 public:
  RecordReader(const std::string& path, const std::vector<FieldRequest>& requests, const FieldResolver& resolve)
      : file_(hdf5::File::open(path)) {
    for (const auto& request : requests) add_field(request, resolve(*file_, request));
    check_rows();
    for (auto& source : sources_) std::sort(source.members.begin(), source.members.end());
  }

  int64_t num_events() const override { return sources_.empty() ? 0 : sources_.front().dataset.num_rows(); }

  int64_t chunk_events() const override {
    int64_t rows = 0;
    for (const auto& source : sources_) rows = std::max(rows, source.dataset.chunk_rows());
    return rows;
  }

  int64_t bytes_per_event() const override {
    int64_t bytes = 0;
    for (const auto& source : sources_) bytes += source.dataset.row_bytes(source.members);
    return bytes;
  }

  std::vector<int64_t> widths() const override {
    std::vector<int64_t> widths;
    for (const auto& field : fields_) widths.push_back(field.width());
    return widths;
  }

  std::vector<std::string> signatures() const override {
    std::vector<std::string> texts;
    for (const auto& field : fields_) {
      std::string text = field.request.field;
      for (const int64_t i : field.members) {
        const auto& member = sources_[field.dataset].dataset.record().members[i];
        text += c10::str(" ", member.name, member.name.empty() ? "" : ":", member.type_text);
      }
      texts.push_back(text + " x " + std::to_string(sources_[field.dataset].dataset.records_per_row()));
    }
    return texts;
  }

  std::vector<at::Tensor> read(int64_t first_event, int64_t num_events) override {
    std::vector<at::Tensor> tensors(fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) {
      tensors[i] = at::empty({num_events, fields_[i].width()}, element_type(fields_[i]));
    }
    for (size_t s = 0; s < sources_.size(); ++s) {
      if (at::Tensor* whole = read_as_stored(s, tensors)) {
        sources_[s].dataset.read(sources_[s].members, first_event, num_events, whole->mutable_data_ptr());
        continue;
      }
      const std::unique_ptr<char[]> records(
          new char[static_cast<size_t>(num_events * sources_[s].dataset.row_bytes(sources_[s].members))]);
      sources_[s].dataset.read(sources_[s].members, first_event, num_events, records.get());
      for (size_t i = 0; i < fields_.size(); ++i)
        if (fields_[i].dataset == s) convert_field(fields_[i], records.get(), first_event, tensors[i]);
    }
    return tensors;
  }

 private:
  std::string where(const FieldRequest& request) const { return request.key + ": " + file_->path(); }

  const hdf5::Member& member(const Field& field, int64_t index) const {
    return sources_[field.dataset].dataset.record().members[index];
  }

  at::ScalarType element_type(const Field& field) const {
    if (field.request.as == FieldRequest::As::float32) return at::kFloat;
    if (field.request.as == FieldRequest::As::int64) return at::kLong;
    std::optional<at::ScalarType> type;
    int64_t offset = 0;
    for (const int64_t index : field.members) {
      const auto own = tev::element_type(member(field, index).scalar);
      if (is_within(field, offset, member(field, index).count())) type = type.value_or(own) == own ? own : at::kDouble;
      offset += member(field, index).count();
    }
    return type.value_or(at::kFloat);
  }

  /// Whether the range of a field touches `count` values from `offset` on of some record.
  static bool is_within(const Field& field, int64_t offset, int64_t count) {
    const int64_t first = field.request.first % field.record_width, last = first + field.width();
    return (first < offset + count && offset < last) || offset + field.record_width < last;
  }

  size_t source_index(const std::string& path) {
    for (size_t i = 0; i < sources_.size(); ++i)
      if (sources_[i].dataset.path() == hdf5::absolute_path(path)) return i;
    sources_.push_back({hdf5::Dataset(file_, path), {}});
    return sources_.size() - 1;
  }

  void add_field(const FieldRequest& request, const FieldAddress& address) {
    Field field{request, source_index(address.dataset), {}, 0};
    const hdf5::RecordType& record = sources_[field.dataset].dataset.record();
    if (record.compound) {
      TEV_CHECK_INPUT(!address.members.empty(), where(request), ": '", request.field,
                      "' is compound (members: ", join_names(record.names()), "). Name those to read in ",
                      request.members_key(), ".");
      for (const auto& name : address.members) field.members.push_back(member_index(request, record, name));
    } else {
      TEV_CHECK_INPUT(address.members.empty(), request.members_key(), ": ", file_->path(), ": '", request.field,
                      "' has no members, it is a plain dataset of ", record.members[0].type_text,
                      ". Leave the key out.");
      field.members.push_back(0);
    }
    for (const int64_t i : field.members) add_member(field, i);
    check_range(field);
    fields_.push_back(std::move(field));
  }

  int64_t member_index(const FieldRequest& request, const hdf5::RecordType& record, const std::string& name) const {
    const int64_t index = record.find(name);
    TEV_CHECK_INPUT(index >= 0, request.members_key(), ": ", file_->path(), ": '", request.field, "' has no member '",
                    name, "' (members: ", join_names(record.names()), ").", suggest_name(name, record.names()));
    return index;
  }

  void add_member(Field& field, int64_t index) {
    Source& source = sources_[field.dataset];
    const hdf5::Member& member = source.dataset.record().members[index];
    const std::string& name = member.name.empty() ? field.request.field : member.name;
    TEV_CHECK_INPUT(member.scalar != hdf5::Scalar::other, where(field.request), ": '", name, "' is ", member.type_text,
                    " (numbers were expected). Choose another field.");
    field.record_width += member.count();
    if (std::find(source.members.begin(), source.members.end(), index) == source.members.end())
      source.members.push_back(index);
  }

  void check_range(Field& field) const {
    FieldRequest& request = field.request;
    const int64_t width = field.record_width * sources_[field.dataset].dataset.records_per_row();
    if (request.last < 0) request.last = width;
    TEV_CHECK_INPUT(0 <= request.first && request.first <= request.last && request.last <= width, request.range_key(),
                    ": ", file_->path(), ": '", request.field, "' has ", width, " values an event, but [",
                    request.first, ", ", request.last,
                    ") is asked for (a half-open range, counted from 0). Shorten it.");
  }

  void check_rows() const {
    for (const auto& source : sources_)
      TEV_CHECK_INPUT(source.dataset.num_rows() == num_events(), file_->path(), ": '", source.dataset.path(), "' has ",
                      source.dataset.num_rows(), " rows, but '", sources_.front().dataset.path(), "' has ",
                      num_events(), " (every field has one row an event). Read fields that belong together.");
  }

  /// The tensor into which a dataset can be read without a copy: the only field of it, stored as it is wanted.
  at::Tensor* read_as_stored(size_t source, std::vector<at::Tensor>& tensors) const {
    at::Tensor* found = nullptr;
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i].dataset != source) continue;
      const Field& field = fields_[i];
      const auto& dataset = sources_[source].dataset;
      const bool whole = field.members.size() == 1 &&
                         needs_no_conversion(member(field, field.members[0]).scalar, element_type(field)) &&
                         field.width() == field.record_width * dataset.records_per_row();
      if (found || !whole) return nullptr;
      found = &tensors[i];
    }
    return found;
  }

  void convert_field(const Field& field, const char* records, int64_t first_event, at::Tensor& out) const {
    const Source& source = sources_[field.dataset];
    const auto& members = source.dataset.record().members;
    const RecordBlock block{records,
                            out.size(0),
                            source.dataset.records_per_row(),
                            source.record_bytes(),
                            field.record_width,
                            field.request.first,
                            field.request.last};
    int64_t target_offset = 0;
    for (const int64_t index : field.members) {
      int64_t source_offset = 0;
      for (const int64_t other : source.members) {
        if (other == index) break;
        source_offset += members[other].bytes();
      }
      const int64_t bad =
          convert_member(block, {members[index].scalar, members[index].count(), source_offset, target_offset}, out);
      TEV_CHECK_INPUT(bad < 0, where(field.request), ": '", field.request.field, "' of event ", first_event + bad,
                      " is not an integer (stored as ", members[index].type_text, "). Choose another field.");
      target_offset += members[index].count();
    }
  }

  std::shared_ptr<const hdf5::File> file_;
  std::vector<Source> sources_;
  std::vector<Field> fields_;
};

}  // namespace

FieldRequest field_request(const std::string& key, const std::string& text, FieldRequest::As as) {
  const auto colon = text.rfind(':');
  FieldRequest request{key, text.substr(0, colon)};
  request.as = as;
  if (colon == std::string::npos) return request;
  const std::string part = text.substr(colon + 1);
  const bool is_index = !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
  if (is_index) {
    request.first = std::stoll(part);
    request.last = request.first + 1;
  } else {
    request.members = {part};
  }
  return request;
}

std::string FieldRequest::members_key() const { return sibling_key(key, is_object_key(key) ? "columns" : "column"); }

std::string FieldRequest::range_key() const { return sibling_key(key, is_object_key(key) ? "take" : "index"); }

std::unique_ptr<Reader> open_record_reader(const std::string& path, const std::vector<FieldRequest>& requests,
                                           const FieldResolver& resolve) {
  return std::make_unique<RecordReader>(path, requests, resolve);
}

}  // namespace tev
