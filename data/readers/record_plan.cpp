#include "data/readers/record_plan.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/storage.hpp"

#include <algorithm>
#include <numeric>

namespace tev {
namespace {

using hdf5::Member;
using hdf5::Scalar;

bool is_object_key(const std::string& key) { return key.rfind("data.objects.", 0) == 0; }

std::string sibling_key(const std::string& key, const std::string& name) {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? key : key.substr(0, dot + 1) + name;
}

const char* kind_name(RowsKind kind) {
  switch (kind) {
    case RowsKind::offsets: return "offsets";
    case RowsKind::counts: return "counts";
    case RowsKind::extents: return "extents";
    default: return "rows";
  }
}

/// The type that holds numbers of a stored kind.
at::ScalarType type_of(Scalar scalar) {
  switch (scalar) {
    case Scalar::float32: return at::kFloat;
    case Scalar::float64: return at::kDouble;
    default: return at::kLong;
  }
}

class Planner {
 public:
  Planner(const std::string& path, Layout layout) : file_(hdf5::File::open(path)), bytes_(path), resolve_(layout(file_)) {
    plan_.path = path;
    plan_.identity = bytes_.identity();
  }

  RecordPlan plan(const std::vector<FieldRequest>& requests) && {
    for (const auto& request : requests) plan_.fields.push_back(find_field(request));
    check_rows();
    for (auto& source : plan_.sources) std::sort(source.members.begin(), source.members.end());
    return std::move(plan_);
  }

 private:
  std::string where(const FieldRequest& request) const { return request.key + ": " + plan_.path; }

  RecordField find_field(const FieldRequest& request) {
    const FieldAddress address = resolve_(request);
    RecordField field{request};
    for (const auto& part : address.parts) add_part(field, part);
    check_parts(field);
    check_range(field);
    const bool is_ragged = address.rows_kind != RowsKind::none || field.variable_length;
    TEV_CHECK_INPUT(!request.one_row || !is_ragged, where(request), ": '", request.field, "' has ",
                    field.variable_length ? "rows of variable length" : "rows by '" + address.rows + "'",
                    " (one row an event was expected). Choose a field of the events.");
    TEV_CHECK_INPUT(address.rows_kind == RowsKind::none || !field.variable_length, request.rows_key(), ": ", plan_.path, ": '", request.field,
                    "' has rows of variable length, one an event (flat columns were expected). Leave the key out.");
    if (address.rows_kind != RowsKind::none) field.row_index = find_rows(request, address, plan_.sources[field.parts[0].source].num_rows());
    return field;
  }

  size_t find_source(const std::string& path) {
    for (size_t i = 0; i < plan_.sources.size(); ++i)
      if (plan_.sources[i].path == hdf5::absolute_path(path)) return i;
    const hdf5::Dataset dataset(file_, path);
    hdf5::Storage storage = hdf5::storage_of(dataset, bytes_);
    Source source{dataset.path(), dataset.record(), dataset.shape(), dataset.chunk_rows(), storage.kind, std::nullopt};
    source.library_reason = storage.reason;
    if (storage.kind != hdf5::Storage::Kind::library) source.rows.emplace(source.path, std::move(storage));
    if (source.library_reason == hdf5::kVirtual)
      if (auto parts = hdf5::virtual_parts(dataset)) source.parts = std::move(*parts);
    if (source.record.members[0].variable_length && !source.record.compound)
      if (auto references = hdf5::references_of(dataset, bytes_)) source.references.emplace(source.path, std::move(*references));
    plan_.sources.push_back(std::move(source));
    return plan_.sources.size() - 1;
  }

  void add_part(RecordField& field, const FieldAddress::Part& address) {
    const FieldRequest& request = field.request;
    FieldPart part{find_source(address.dataset), 0, field.record_width, address.record};
    Source& source = plan_.sources[part.source];
    if (request.as == FieldRequest::As::bytes) return add_whole_record(field, part);
    if (source.record.compound) {
      TEV_CHECK_INPUT(!address.member.empty(), where(request), ": '", request.field, "' is compound (members: ",
                      join_names(source.record.names()), "). Name those to read in ", request.members_key(), ".");
      part.member = source.record.find(address.member);
      TEV_CHECK_INPUT(part.member >= 0, request.members_key(), ": ", plan_.path, ": '", request.field, "' has no member '", address.member,
                      "' (members: ", join_names(source.record.names()), ").", suggest_name(address.member, source.record.names()));
    } else {
      TEV_CHECK_INPUT(address.member.empty(), request.members_key(), ": ", plan_.path, ": '", request.field,
                      "' has no members, it is a plain dataset of ", source.record.members[0].type_text, ". Leave the key out.");
    }
    if (request.as == FieldRequest::As::text) take_as_text(source.record.members[static_cast<size_t>(part.member)], request);
    const Member& member = plan_.member(part);
    const std::string& name = member.name.empty() ? request.field : member.name;
    TEV_CHECK_INPUT(member.text_bytes == 0 || request.as != FieldRequest::As::int64 || request.key != "data.label.field", where(request), ": '", name, "' is ",
                    member.type_text, " (numbers were expected, as data.label.classes gives no text). Give every class its text, as in "
                    "classes: {QCD: qcd, top: t}, or choose another field.");
    TEV_CHECK_INPUT(member.scalar != Scalar::other && (member.text_bytes == 0 || request.as == FieldRequest::As::text), where(request), ": '", name, "' is ", member.type_text,
                    " (numbers were expected). Choose another field.");
    if (source.rows && member.stored == Scalar::other) {
      source.rows.reset();
      source.library_reason = "numbers of an unusual type";
    }
    if (std::find(source.members.begin(), source.members.end(), part.member) == source.members.end()) source.members.push_back(part.member);
    field.record_width += member.count();
    TEV_CHECK_INPUT(!member.variable_length || !source.record.compound, where(request), ": '", name, "' is ", member.type_text,
                    " within records (only whole datasets may have rows of variable length). Choose another field.");
    TEV_CHECK_INPUT(address.record < source.records_per_row(), where(request), ": '", source.path, "' has ", source.records_per_row(),
                    " columns, fewer than names for them (the file is damaged). Copy or make it again.");
    TEV_CHECK_INPUT(!member.variable_length || source.shape.size() == 1, where(request), ": '", name, "' is ", member.type_text, " of ",
                    source.shape.size(), " dimensions (one row of variable length an event was expected). Choose another field.");
    field.variable_length = field.variable_length || member.variable_length;
    field.parts.push_back(part);
  }

  void add_whole_record(RecordField& field, const FieldPart& part) {
    Source& source = plan_.sources[part.source];
    field.variable_length = source.record.members[0].variable_length;
    TEV_CHECK_INPUT(field.variable_length ? source.shape.size() == 1 && source.record.members[0].scalar != Scalar::other : !source.record.has_pointers(),
                    where(field.request), ": '", field.request.field, "' is ", source.record.members[0].type_text,
                    " (numbers, strings of fixed length and records of them can be taken as they are). Leave it out.");
    source.as_bytes = true;
    field.record_width = field.variable_length ? hdf5::scalar_bytes(source.record.members[0].scalar) : source.record.bytes;
    field.parts.push_back(part);
  }

  /// Text is read as its bytes; an enum as its numbers, whose names the reader knows.
  void take_as_text(Member& member, const FieldRequest& request) const {
    const bool is_enum = !member.names_of_values.empty() && member.shape.empty();
    TEV_CHECK_INPUT(is_enum || member.text_bytes > 0, where(request), ": '", member.name.empty() ? request.field : member.name, "' is ", member.type_text,
                    member.type_text == "string" ? " of variable length (text of a fixed length, an enum or integers were expected). Write it as one of them."
                                                 : " (text was expected, as the values of the classes are). Write their numbers there.");
    if (is_enum) return;
    member.scalar = member.stored = Scalar::uint8;
    member.swapped = false;
    member.shape = {member.text_bytes};
  }

  /// The columns of a field lie side by side.
  void check_parts(const RecordField& field) const {
    const FieldRequest& request = field.request;
    const Source& first = plan_.sources[field.parts[0].source];
    TEV_CHECK_INPUT(!field.variable_length || field.parts.size() == 1, request.members_key(), ": ", plan_.path, ": '", request.field,
                    "' has values of variable length (they are read alone). Name one column.");
    for (const auto& part : field.parts) {
      const Source& source = plan_.sources[part.source];
      if (part.record >= 0 && source.num_rows() == first.num_rows()) continue;
      TEV_CHECK_INPUT(source.shape == first.shape, request.members_key(), ": ", plan_.path, ": '", source.path, "' has shape [",
                      c10::Join(", ", source.shape), "], but '", first.path, "' has [", c10::Join(", ", first.shape),
                      "] (columns of an object lie side by side). Read columns that belong together.");
    }
  }

  void check_range(RecordField& field) const {
    FieldRequest& request = field.request;
    if (field.parts[0].record < 0) field.records_per_row = plan_.sources[field.parts[0].source].records_per_row();
    const int64_t width = field.record_width * field.records_per_row;
    const int64_t values_each = request.as == FieldRequest::As::text ? plan_.member(field.parts[0]).count() : 1;
    request.first *= values_each;
    if (request.last > 0) request.last *= values_each;
    if (request.last < 0) request.last = width;
    TEV_CHECK_INPUT(0 <= request.first && request.first <= request.last && request.last <= width, request.range_key(), ": ", plan_.path,
                    ": '", request.field, "' has ", width, " values an event, but [", request.first, ", ", request.last,
                    ") is asked for (a half-open range, counted from 0). Shorten it.");
  }

  size_t find_rows(const FieldRequest& request, const FieldAddress& address, int64_t num_rows) {
    FieldRequest numbers;
    numbers.key = request.rows_key();
    numbers.field = address.rows;
    numbers.as = FieldRequest::As::int64;
    RecordField field{numbers};
    const size_t source = find_source(address.rows);
    for (size_t i = 0; i < plan_.indexes.size(); ++i)
      if (plan_.indexes[i].field.parts[0].source == source && plan_.indexes[i].kind == address.rows_kind) {
        TEV_CHECK_INPUT(plan_.indexes[i].num_rows == num_rows, where(request), ": '", request.field, "' has ", num_rows,
                        " rows, but others that '", address.rows, "' divides have ", plan_.indexes[i].num_rows,
                        ". Read columns that belong together.");
        return i;
      }
    const std::vector<std::string> records{"first", count_member(source)}, plain{""};
    for (const auto& member : plan_.sources[source].record.compound ? records : plain) add_part(field, {address.rows, member, -1});
    check_range(field);
    check_rows_field(field, address.rows_kind);
    plan_.indexes.push_back({address.rows_kind, field, num_rows});
    return plan_.indexes.size() - 1;
  }

  /// The name of the number of rows in extents: larcv3 writes N.
  std::string count_member(size_t source) const {
    for (const char* name : {"N", "n", "count"})
      if (plan_.sources[source].record.find(name) >= 0) return name;
    return "N";
  }

  void check_rows_field(const RecordField& field, RowsKind kind) const {
    const int64_t width = field.width();
    const bool good = kind == RowsKind::offsets ? width == 1 : kind == RowsKind::extents ? width == 2 : width == 1 || width == 2;
    TEV_CHECK_INPUT(good, field.request.key, ": ", plan_.path, ": '", field.request.field, "' has ", width, " numbers a row (", kind_name(kind),
                    kind == RowsKind::offsets   ? " are one: where the rows of an event begin"
                    : kind == RowsKind::extents ? " are two: first and N"
                                                : " are one, or event and count",
                    "). Name another dataset.");
  }

  /// Events that a source of one row an event has.
  static int64_t events_of(const RowIndex& index, int64_t rows) { return index.kind == RowsKind::offsets ? rows - 1 : rows; }

  /// Every field has the same number of events. `offsets` may do without the last one: then others say how many there are.
  void check_rows() {
    const std::string* first = nullptr;
    const auto require = [&](const std::string& path, int64_t events) {
      if (first == nullptr) {
        plan_.num_events = events;
        first = &path;
      }
      TEV_CHECK_INPUT(events == plan_.num_events, plan_.path, ": '", path, "' has ", events, " rows, but '", *first, "' has ", plan_.num_events,
                      " (every field has one row an event). Read fields that belong together.");
    };
    for (const auto& field : plan_.fields)
      if (!field.row_index)
        for (const auto& part : field.parts) require(plan_.sources[part.source].path, plan_.sources[part.source].num_rows());
    for (const auto& index : plan_.indexes) {
      const Source& source = plan_.sources[index.field.parts[0].source];
      const bool pairs = index.kind == RowsKind::counts && index.field.width() == 2;
      if (pairs && first != nullptr) continue;
      const bool without_end = index.kind == RowsKind::offsets && first != nullptr && source.num_rows() == plan_.num_events;
      require(source.path, without_end ? plan_.num_events : events_of(index, source.num_rows()));
    }
    plan_.num_events = std::max<int64_t>(0, plan_.num_events);
  }

  std::shared_ptr<const hdf5::File> file_;
  hdf5::RawFile bytes_;
  FieldResolver resolve_;
  RecordPlan plan_;
};

/// Whether the range of a field touches `count` values from `offset` on of some record.
bool is_within(const RecordField& field, int64_t offset, int64_t count) {
  const int64_t first = field.request.first % field.record_width, last = first + field.width();
  return (first < offset + count && offset < last) || offset + field.record_width < last;
}

}  // namespace

std::string FieldRequest::members_key() const { return sibling_key(key, is_object_key(key) ? "columns" : "column"); }

std::string FieldRequest::range_key() const { return sibling_key(key, is_object_key(key) ? "take" : "index"); }

std::string FieldRequest::rows_key() const { return sibling_key(key, kind_name(rows_kind)); }

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

FieldAddress FieldAddress::of(const std::string& dataset, const std::vector<std::string>& members) {
  FieldAddress address;
  for (const auto& member : members) address.parts.push_back({dataset, member, -1});
  if (members.empty()) address.parts.push_back({dataset, "", -1});
  return address;
}

int64_t Source::records_per_row() const {
  return std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t Source::packed_record_bytes() const {
  if (as_bytes) return record.bytes;
  int64_t bytes = 0;
  for (const int64_t i : members) bytes += record.members[i].bytes();
  return bytes;
}

at::ScalarType RecordPlan::element_type(const RecordField& field) const {
  if (field.request.as == FieldRequest::As::float32) return at::kFloat;
  if (field.request.as == FieldRequest::As::int64 || field.request.as == FieldRequest::As::text) return at::kLong;
  if (field.request.as == FieldRequest::As::bytes) return at::kByte;
  std::optional<at::ScalarType> type;
  for (const auto& part : field.parts) {
    const auto own = type_of(member(part).scalar);
    if (is_within(field, part.target_offset, member(part).count())) type = type.value_or(own) == own ? own : at::kDouble;
  }
  return type.value_or(at::kFloat);
}

RecordPlan plan_records(const std::string& path, const std::vector<FieldRequest>& requests, Layout layout) {
  return Planner(path, layout).plan(requests);
}

}  // namespace tev
