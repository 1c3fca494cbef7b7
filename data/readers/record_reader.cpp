#include "data/readers/record_reader.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/readers/convert_members.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <functional>
#include <mutex>
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

/// A dataset and the members of it that some field needs.
struct Source {
  std::string path;
  hdf5::RecordType record;
  std::vector<int64_t> shape;
  int64_t chunk_rows = 0;
  hdf5::Storage::Kind kind = hdf5::Storage::Kind::library;
  std::optional<decode::RowReader> rows;  ///< none: only the library can read it
  std::vector<int64_t> members;           ///< in the order in which the library packs them

  int64_t records_per_row() const {
    return std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
  }
  /// Of the members that are needed, in memory.
  int64_t packed_record_bytes() const {
    int64_t bytes = 0;
    for (const int64_t i : members) bytes += record.members[i].bytes();
    return bytes;
  }
  bool needs_library() const { return !rows || kind == hdf5::Storage::Kind::library_chunks; }
};

/// The file while it is open, and those of its datasets that the library must read.
class OpenFile {
 public:
  OpenFile(const std::string& path, const std::vector<Source>& sources, CatalogThread& thread) : bytes_(path), thread_(thread) {
    if (std::none_of(sources.begin(), sources.end(), [](const Source& source) { return source.needs_library(); })) return;
    thread_.run([&] {
      const auto file = hdf5::File::open(path);
      for (const auto& source : sources)
        datasets_.push_back(source.needs_library() ? std::make_unique<hdf5::Dataset>(file, source.path) : nullptr);
    });
  }
  ~OpenFile() {
    if (!datasets_.empty()) thread_.run([this] { datasets_.clear(); });
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const hdf5::RawFile& bytes() const { return bytes_; }

  std::vector<char> stored_chunk(size_t source, const std::vector<int64_t>& start, uint32_t& filter_mask) const {
    return thread_.run([&] { return datasets_[source]->read_stored_chunk(start, filter_mask); });
  }
  void read(size_t source, const std::vector<int64_t>& members, int64_t first, int64_t num, void* out) const {
    thread_.run([&] { datasets_[source]->read(members, first, num, out); });
  }

 private:
  hdf5::RawFile bytes_;
  CatalogThread& thread_;
  std::vector<std::unique_ptr<hdf5::Dataset>> datasets_;  // by source; null: not needed
};

class RecordReader final : public Reader {
 public:
  RecordReader(const std::string& path, const std::vector<FieldRequest>& requests, CatalogThread& thread,
               Layout layout)
      : path_(path), thread_(thread) {
    thread_.run([&] {
      const auto file = hdf5::File::open(path_);
      const hdf5::RawFile bytes(path_);
      identity_ = bytes.identity();
      const FieldResolver resolve = layout(file);
      for (const auto& request : requests) add_field(file, bytes, request, resolve(request));
    });
    check_rows();
    for (auto& source : sources_) std::sort(source.members.begin(), source.members.end());
  }

  int64_t num_events() const override { return sources_.empty() ? 0 : sources_.front().shape.front(); }

  int64_t chunk_events() const override {
    int64_t rows = 0;
    for (const auto& source : sources_) rows = std::max(rows, source.chunk_rows);
    return rows;
  }

  int64_t bytes_per_event() const override {
    int64_t bytes = 0;
    for (const auto& source : sources_) bytes += source.packed_record_bytes() * source.records_per_row();
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
        const auto& member = sources_[field.dataset].record.members[i];
        text += c10::str(" ", member.name, member.name.empty() ? "" : ":", member.type_text);
      }
      texts.push_back(text + " x " + std::to_string(sources_[field.dataset].records_per_row()));
    }
    return texts;
  }

  std::vector<at::Tensor> read(int64_t first_event, int64_t num_events) const override {
    const auto file = open();
    std::vector<at::Tensor> tensors;
    for (const auto& field : fields_) tensors.push_back(at::empty({num_events, field.width()}, element_type(field)));
    for (size_t s = 0; s < sources_.size() && num_events > 0; ++s) {
      if (sources_[s].rows)
        read_chunks(*file, s, first_event, num_events, tensors);
      else
        read_with_library(*file, s, first_event, num_events, tensors);
    }
    return tensors;
  }

  void close() override {
    std::shared_ptr<const OpenFile> closed;
    const std::lock_guard lock(mutex_);
    closed.swap(open_);
  }

 private:
  std::string where(const FieldRequest& request) const { return request.key + ": " + path_; }

  const hdf5::Member& member(const Field& field, int64_t index) const {
    return sources_[field.dataset].record.members[index];
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

  /// The file, opened again if it was closed. Never called on the catalog thread, for which this may wait.
  std::shared_ptr<const OpenFile> open() const {
    const std::lock_guard lock(mutex_);
    if (!open_) {
      auto file = std::make_shared<const OpenFile>(path_, sources_, thread_);
      TEV_CHECK(file->bytes().identity() == identity_, path_, ": has changed since it was opened first (", file->bytes().identity().bytes,
                " bytes, ", identity_.bytes, " before: something writes to it). Start again when it is complete.");
      open_ = std::move(file);
    }
    return open_;
  }

  size_t source_index(const std::shared_ptr<const hdf5::File>& file, const hdf5::RawFile& bytes, const std::string& path) {
    for (size_t i = 0; i < sources_.size(); ++i)
      if (sources_[i].path == hdf5::absolute_path(path)) return i;
    const hdf5::Dataset dataset(file, path);
    Source source;
    source.path = dataset.path();
    source.record = dataset.record();
    source.shape = dataset.shape();
    source.chunk_rows = dataset.chunk_rows();
    hdf5::Storage storage = hdf5::storage_of(dataset, bytes);
    source.kind = storage.kind;
    if (storage.kind != hdf5::Storage::Kind::library) source.rows.emplace(source.path, std::move(storage));
    sources_.push_back(std::move(source));
    return sources_.size() - 1;
  }

  void add_field(const std::shared_ptr<const hdf5::File>& file, const hdf5::RawFile& bytes, const FieldRequest& request,
                 const FieldAddress& address) {
    Field field{request, source_index(file, bytes, address.dataset), {}, 0};
    const hdf5::RecordType& record = sources_[field.dataset].record;
    if (record.compound) {
      TEV_CHECK_INPUT(!address.members.empty(), where(request), ": '", request.field,
                      "' is compound (members: ", join_names(record.names()), "). Name those to read in ",
                      request.members_key(), ".");
      for (const auto& name : address.members) field.members.push_back(member_index(request, record, name));
    } else {
      TEV_CHECK_INPUT(address.members.empty(), request.members_key(), ": ", path_, ": '", request.field,
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
    TEV_CHECK_INPUT(index >= 0, request.members_key(), ": ", path_, ": '", request.field, "' has no member '",
                    name, "' (members: ", join_names(record.names()), ").", suggest_name(name, record.names()));
    return index;
  }

  void add_member(Field& field, int64_t index) {
    Source& source = sources_[field.dataset];
    const hdf5::Member& member = source.record.members[index];
    const std::string& name = member.name.empty() ? field.request.field : member.name;
    TEV_CHECK_INPUT(member.scalar != hdf5::Scalar::other, where(field.request), ": '", name, "' is ", member.type_text,
                    " (numbers were expected). Choose another field.");
    if (member.stored == hdf5::Scalar::other) source.rows.reset();  // a type that only the library converts
    field.record_width += member.count();
    if (std::find(source.members.begin(), source.members.end(), index) == source.members.end())
      source.members.push_back(index);
  }

  void check_range(Field& field) const {
    FieldRequest& request = field.request;
    const int64_t width = field.record_width * sources_[field.dataset].records_per_row();
    if (request.last < 0) request.last = width;
    TEV_CHECK_INPUT(0 <= request.first && request.first <= request.last && request.last <= width, request.range_key(),
                    ": ", path_, ": '", request.field, "' has ", width, " values an event, but [",
                    request.first, ", ", request.last,
                    ") is asked for (a half-open range, counted from 0). Shorten it.");
  }

  void check_rows() const {
    for (const auto& source : sources_)
      TEV_CHECK_INPUT(source.shape.front() == num_events(), path_, ": '", source.path, "' has ", source.shape.front(), " rows, but '",
                      sources_.front().path, "' has ", num_events(),
                      " (every field has one row an event). Read fields that belong together.");
  }

  /// The field that a source can be read into without a conversion: the only one of it, stored as it is wanted; or none.
  std::optional<size_t> field_as_stored(size_t source) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i].dataset != source) continue;
      const Field& field = fields_[i];
      const auto& first = member(field, field.members[0]);
      const bool whole = field.members.size() == 1 && first.bytes() == sources_[source].record.bytes && !first.swapped &&
                         first.stored == first.scalar && needs_no_conversion(first.scalar, element_type(field)) &&
                         field.width() == field.record_width * sources_[source].records_per_row();
      if (found || !whole) return std::nullopt;
      found = i;
    }
    return found;
  }

  void read_chunks(const OpenFile& file, size_t source, int64_t first_event, int64_t num_events, std::vector<at::Tensor>& tensors) const {
    const decode::RowReader& rows = *sources_[source].rows;
    const auto find = [&](const std::vector<int64_t>& start, uint32_t& mask) { return file.stored_chunk(source, start, mask); };
    if (const auto whole = field_as_stored(source); whole && rows.has_whole_rows()) {
      rows.read(file.bytes(), find, first_event, num_events, static_cast<char*>(tensors[*whole].mutable_data_ptr()));
      return;
    }
    rows.visit(file.bytes(), find, first_event, num_events, [&](const decode::RowBlock& block) {
      for (size_t i = 0; i < fields_.size(); ++i)
        if (fields_[i].dataset == source) convert_field(fields_[i], block, /*is_packed=*/false, first_event, tensors[i]);
    });
  }

  void read_with_library(const OpenFile& file, size_t source, int64_t first_event, int64_t num_events,
                         std::vector<at::Tensor>& tensors) const {
    const Source& from = sources_[source];
    const std::vector<decode::Run> runs{{0, 0, from.records_per_row()}};
    const int64_t row_bytes = from.packed_record_bytes() * from.records_per_row();
    const std::unique_ptr<char[]> records(new char[static_cast<size_t>(num_events * row_bytes)]);
    file.read(source, from.members, first_event, num_events, records.get());
    const decode::RowBlock block{records.get(), first_event, num_events, row_bytes, &runs};
    for (size_t i = 0; i < fields_.size(); ++i)
      if (fields_[i].dataset == source) convert_field(fields_[i], block, /*is_packed=*/true, first_event, tensors[i]);
  }

  /// @param is_packed  the block has native numbers of the needed members only, as the library reads them
  void convert_field(const Field& field, const decode::RowBlock& block, bool is_packed, int64_t first_event, at::Tensor& out) const {
    const Source& source = sources_[field.dataset];
    const auto& members = source.record.members;
    const RecordShape shape{is_packed ? source.packed_record_bytes() : source.record.bytes, field.record_width, field.request.first,
                            field.request.last};
    int64_t target_offset = 0;
    for (const int64_t index : field.members) {
      const hdf5::Member& from = members[index];
      MemberCopy copy{from.stored, from.swapped, from.count(), from.offset, target_offset};
      if (is_packed) copy = {from.scalar, false, from.count(), packed_offset(source, index), target_offset};
      const int64_t bad = convert_member(block, shape, copy, out, block.first_row - first_event);
      TEV_CHECK_INPUT(bad < 0, where(field.request), ": '", field.request.field, "' of event ", block.first_row + bad,
                      " is not an integer (stored as ", from.type_text, "). Choose another field.");
      target_offset += from.count();
    }
  }

  /// Bytes into a packed record, where the members that are needed follow each other.
  static int64_t packed_offset(const Source& source, int64_t member) {
    int64_t offset = 0;
    for (const int64_t other : source.members) {
      if (other == member) break;
      offset += source.record.members[other].bytes();
    }
    return offset;
  }

  const std::string path_;
  CatalogThread& thread_;
  hdf5::RawFile::Identity identity_;
  std::vector<Source> sources_;
  std::vector<Field> fields_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const OpenFile> open_;
};

}  // namespace

FieldRequest field_request(const std::string& key, const std::string& text, FieldRequest::As as) {
  const auto colon = text.rfind(':');
  FieldRequest request;
  request.key = key;
  request.field = text.substr(0, colon);
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
                                           CatalogThread& thread, Layout layout) {
  return std::make_unique<RecordReader>(path, requests, thread, layout);
}

}  // namespace tev
