#include "data/transform/convert.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/transform/finite.hpp"
#include "data/transform/row_filter.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstring>

namespace tev {
namespace {

/// Eight at a time: a true is the byte 1, and the product adds the bytes up in the highest one.
int64_t count_true(const bool* mask, int64_t size) {
  int64_t count = 0, i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, mask + i, sizeof(eight));
    count += static_cast<int64_t>(eight * 0x0101010101010101 >> 56);
  }
  for (; i < size; ++i) count += mask[i];
  return count;
}

/// Copies the kept rows of one event. Kept rows usually come first, and then are one piece.
/// @return  whether they are finite
bool copy_event(const float* from, const bool* keep, int64_t rows, int64_t kept, int64_t columns, float* to) {
  if (keep == nullptr || count_true(keep, kept) == kept) return copy_finite(from, kept * columns, to);
  bool finite = true;
  for (int64_t row = 0; row < rows; ++row) {
    if (!keep[row]) continue;
    finite &= copy_finite(from + row * columns, columns, to);
    to += columns;
  }
  return finite;
}

[[noreturn]] void throw_not_finite(const RawObject& object, const Column& column, const std::vector<int64_t>& taken,
                                   const std::string& path, int64_t first_event) {
  const auto width = static_cast<int64_t>(object.columns.size());
  const float* values = column.values.const_data_ptr<float>();
  int64_t position = 0;
  while (std::isfinite(values[position])) ++position;
  throw InputError(c10::str(
      path, ": column '", object.columns[static_cast<size_t>(position % width)], "' of object '", object.name, "' is ",
      non_finite_name(values[position]), " in event ", first_event + taken[event_of_row(column.offsets, position / width)],
      " (inputs must be finite). ",
      std::isnan(values[position]) ? "Correct the file" : "Correct the file or its units",
      object.ragged ? ", or drop such rows with data.objects." + object.name + ".valid."
                    : ", or leave such events out with data.select."));
}

/// Values of `event`: every value is a column.
Column event_column(const RawObject& object, const at::Tensor& values, const std::vector<int64_t>& taken, const std::string& path,
                    int64_t first_event) {
  const int64_t width = values.size(1);
  if (static_cast<int64_t>(taken.size()) == values.size(0)) {
    const Column whole{values, {}};
    if (!all_finite(values.const_data_ptr<float>(), values.numel())) throw_not_finite(object, whole, taken, path, first_event);
    return whole;
  }
  Column column{at::empty({static_cast<int64_t>(taken.size()), width}, values.options()), {}};
  float* to = column.values.mutable_data_ptr<float>();
  bool finite = true;
  for (const int64_t event : taken) {
    finite &= copy_finite(values.const_data_ptr<float>() + event * width, width, to);
    to += width;
  }
  if (!finite) throw_not_finite(object, column, taken, path, first_event);
  return column;
}

/// The events that a mask [n] selects; all of them if it is undefined.
std::vector<int64_t> taken_events(const at::Tensor& mask, int64_t num_events) {
  std::vector<int64_t> taken;
  taken.reserve(static_cast<size_t>(num_events));
  for (int64_t i = 0; i < num_events; ++i)
    if (!mask.defined() || mask.const_data_ptr<bool>()[i]) taken.push_back(i);
  return taken;
}

[[noreturn]] void throw_wrong_width(const RawObject& object, const std::string& values, const std::string& path, const char* expected) {
  throw InputError(c10::str("data.objects.", object.name, ".as: ", object.columns.size(), " columns (", join_names(object.columns), ") for ",
                            values, " in ", path, " (", expected, "). Correct `as` or `take`."));
}

}  // namespace

Converter::Converter(std::vector<RawObject> objects, const std::string& select, std::string labelled)
    : objects_(std::move(objects)), labelled_(std::move(labelled)) {
  const RawObject* event = nullptr;
  for (const auto& object : objects_) {
    if (!object.ragged) event = &object;
    valid_.push_back(object.valid.empty() ? nullptr
                                          : std::make_unique<RowFilter>("data.objects." + object.name + ".valid",
                                                                        object.valid, object.columns));
  }
  if (select.empty()) return;
  TEV_CHECK_INPUT(event != nullptr, "data.select: '", select, "' needs columns of the object 'event' (none is read). ",
                  "Add data.objects.event.");
  select_ = std::make_unique<RowFilter>("data.select", select, event->columns);
}

Converter::~Converter() = default;
Converter::Converter(Converter&&) noexcept = default;

/// The rows of an object as they were read: event i has rows first(i) to first(i + 1) - 1, of `columns` values each.
struct Converter::Rows {
  at::Tensor values;        ///< [rows, columns] float32, contiguous
  int64_t num_events = 0;
  int64_t rows_an_event = 0;          ///< of padded data
  const int64_t* offsets = nullptr;  ///< of ragged data, in units of `unit`
  int64_t unit = 1;                  ///< offsets count so many to a row

  int64_t first(int64_t event) const { return offsets ? offsets[event] / unit : event * rows_an_event; }
};

Converter::Rows Converter::rows_of(const RawObject& object, const FieldValues& read, const std::string& path, int64_t first_event) const {
  TEV_CHECK(read.values.dim() == 2, "data.transform: values of shape ", read.values.sizes(), " (expected two dimensions).");
  const auto columns = static_cast<int64_t>(object.columns.size());
  const int64_t width = read.values.size(1);
  Rows rows;
  rows.values = read.values.to(at::kFloat).contiguous();
  rows.num_events = read.offsets.defined() ? read.offsets.numel() - 1 : read.values.size(0);
  if (!object.ragged) {
    if (read.offsets.defined() || width != columns)
      throw_wrong_width(object, c10::str(width, " values an event"), path, "the event has one row");
    return rows;
  }
  if (!read.offsets.defined()) {
    if (width % columns != 0)
      throw_wrong_width(object, c10::str(width, " values an event"), path, "expected a multiple of the number of columns");
    rows.rows_an_event = width / columns;
  } else {
    rows.offsets = read.offsets.const_data_ptr<int64_t>();
    if (width != columns) {
      if (width != 1) throw_wrong_width(object, c10::str(width, " values a row"), path, "expected as many as there are columns");
      rows.unit = columns;
      for (int64_t i = 0; i < rows.num_events; ++i)
        if ((rows.offsets[i + 1] - rows.offsets[i]) % columns != 0)
          throw_wrong_width(object, c10::str(rows.offsets[i + 1] - rows.offsets[i], " values of event ", first_event + i), path,
                            "expected a multiple of the number of columns");
    }
  }
  rows.values = rows.values.view({-1, columns});
  return rows;
}

/// @param valid  [rows] bool: which rows are kept; undefined: all
Column Converter::ragged_column(const RawObject& object, const Rows& rows, const at::Tensor& valid, const std::vector<int64_t>& taken, const std::string& path,
                                int64_t first_event) {
  const auto columns = static_cast<int64_t>(object.columns.size());
  const float* values = rows.values.const_data_ptr<float>();
  const bool* keep = valid.defined() ? valid.const_data_ptr<bool>() : nullptr;
  const auto keep_of = [&](int64_t event) { return keep ? keep + rows.first(event) : nullptr; };
  const auto rows_of = [&](int64_t event) { return rows.first(event + 1) - rows.first(event); };

  const auto num_taken = static_cast<int64_t>(taken.size());
  Column column{{}, at::empty({num_taken + 1}, rows.values.options().dtype(at::kLong))};
  int64_t* offsets = column.offsets.mutable_data_ptr<int64_t>();
  offsets[0] = 0;
  for (int64_t i = 0; i < num_taken; ++i)
    offsets[i + 1] = offsets[i] + (keep ? count_true(keep_of(taken[i]), rows_of(taken[i])) : rows_of(taken[i]));
  if (offsets[num_taken] == rows.values.size(0)) {  // nothing is dropped
    column.values = rows.values;
    if (!all_finite(values, rows.values.numel())) throw_not_finite(object, column, taken, path, first_event);
    return column;
  }
  column.values = at::empty({offsets[num_taken], columns}, rows.values.options());
  float* to = column.values.mutable_data_ptr<float>();
  bool finite = true;
  for (int64_t i = 0; i < num_taken; ++i)
    finite &= copy_event(values + rows.first(taken[i]) * columns, keep_of(taken[i]), rows_of(taken[i]), offsets[i + 1] - offsets[i], columns,
                         to + offsets[i] * columns);
  if (!finite) throw_not_finite(object, column, taken, path, first_event);
  return column;
}

/// Which rows of an object ragged_column() keeps.
at::Tensor Converter::kept_rows(const Rows& rows, const at::Tensor& valid, const std::vector<int64_t>& taken) {
  const bool* keep = valid.defined() ? valid.const_data_ptr<bool>() : nullptr;
  std::vector<int64_t> kept;
  kept.reserve(static_cast<size_t>(rows.values.size(0)));
  for (const int64_t event : taken)
    for (int64_t row = rows.first(event); row < rows.first(event + 1); ++row)
      if (keep == nullptr || keep[row]) kept.push_back(row);
  return static_cast<int64_t>(kept.size()) == rows.values.size(0) ? at::Tensor() : at::tensor(kept, at::kLong);
}

EventBlock Converter::operator()(const std::map<std::string, FieldValues>& values, const std::string& path, int64_t first_event,
                                 const at::Tensor& keep) const {
  std::vector<Rows> rows;
  at::Tensor mask = keep;
  for (const auto& object : objects_) {
    const auto found = values.find(object.name);
    TEV_CHECK(found != values.end(), "data.transform: no values for the object '", object.name, "' from ", path, ".");
    rows.push_back(rows_of(object, found->second, path, first_event));
    TEV_CHECK(rows.back().num_events == rows.front().num_events, "data.transform: ", rows.back().num_events, " events of '", object.name,
              "' and ", rows.front().num_events, " of '", objects_.front().name, "' from ", path, ".");
    if (!object.ragged && select_) mask = keep.defined() ? (*select_)(rows.back().values).logical_and(keep) : (*select_)(rows.back().values);
  }
  const std::vector<int64_t> taken = taken_events(mask, rows.front().num_events);
  EventBlock block;
  if (mask.defined()) block.selected = at::tensor(taken, at::kLong);
  for (size_t i = 0; i < objects_.size(); ++i) {
    const RawObject& object = objects_[i];
    if (!object.ragged) {
      block.raw[object.name] = event_column(object, rows[i].values, taken, path, first_event);
      continue;
    }
    const at::Tensor valid = valid_[i] ? (*valid_[i])(rows[i].values) : at::Tensor();
    block.raw[object.name] = ragged_column(object, rows[i], valid, taken, path, first_event);
    if (object.name == labelled_) block.kept = kept_rows(rows[i], valid, taken);
  }
  return block;
}

}  // namespace tev
