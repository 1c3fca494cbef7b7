#include "data/transform/convert.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/transform/finite.hpp"
#include "data/transform/row_filter.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <cmath>

namespace tev {
namespace {

/// Rows of an object as they were read: event i has `rows` rows of `columns` values at data + i * stride.
struct Rows {
  const float* data;
  int64_t events, rows, columns, stride;
};

int64_t count_true(const bool* mask, int64_t size) {
  int64_t count = 0;
  for (int64_t i = 0; i < size; ++i) count += mask[i];
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
      std::isnan(values[position]) ? "nan" : "inf", " in event ", first_event + taken[event_of_row(column, position / width)],
      " (inputs must be finite). ",
      object.ragged ? "Correct the file, or drop such rows with data.objects." + object.name + ".valid."
                    : "Correct the file, or leave such events out with data.select."));
}

/// [n, width] float32 with unit stride along a row.
at::Tensor as_rows(const at::Tensor& values) {
  TEV_CHECK(values.dim() == 2, "data.transform: values of shape ", values.sizes(), " (expected [events, values]).");
  at::Tensor rows = values.scalar_type() == at::kFloat ? values : values.to(at::kFloat);
  return rows.size(1) <= 1 || rows.stride(1) == 1 ? rows : rows.contiguous();
}

/// Values of `event`: every value is a column.
Column event_column(const RawObject& object, const at::Tensor& rows, const std::vector<int64_t>& taken, const std::string& path,
                    int64_t first_event) {
  const int64_t width = rows.size(1);
  Column column{at::empty({static_cast<int64_t>(taken.size()), width}, rows.options()), {}};
  float* to = column.values.mutable_data_ptr<float>();
  bool finite = true;
  for (const int64_t event : taken) {
    finite &= copy_finite(rows.const_data_ptr<float>() + event * rows.stride(0), width, to);
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

void check_width(const RawObject& object, int64_t width, const std::string& path) {
  const auto columns = static_cast<int64_t>(object.columns.size());
  TEV_CHECK_INPUT(object.ragged ? width % columns == 0 : width == columns, "data.objects.", object.name,
                  ".as: ", columns, " columns (", join_names(object.columns), ") for ", width, " values an event in ",
                  path, " (", object.ragged ? "expected a multiple of the number of columns" : "the event has one row",
                  "). Correct `as` or `take`.");
}

}  // namespace

Converter::Converter(std::vector<RawObject> objects, const std::string& select) : objects_(std::move(objects)) {
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

Column Converter::ragged_column(size_t index, const at::Tensor& rows, const std::vector<int64_t>& taken, const std::string& path,
                                int64_t first_event) const {
  const RawObject& object = objects_[index];
  const auto columns = static_cast<int64_t>(object.columns.size());
  const Rows in{rows.const_data_ptr<float>(), rows.size(0), rows.size(1) / columns, columns, rows.stride(0)};
  at::Tensor mask;
  if (valid_[index]) mask = (*valid_[index])(rows.as_strided({in.events, in.rows, columns}, {in.stride, columns, 1}));
  const bool* keep = mask.defined() ? mask.const_data_ptr<bool>() : nullptr;
  const auto keep_of = [&](int64_t event) { return keep ? keep + event * in.rows : nullptr; };

  const auto num_taken = static_cast<int64_t>(taken.size());
  Column column{{}, at::empty({num_taken + 1}, rows.options().dtype(at::kLong))};
  int64_t* offsets = column.offsets.mutable_data_ptr<int64_t>();
  offsets[0] = 0;
  for (int64_t i = 0; i < num_taken; ++i)
    offsets[i + 1] = offsets[i] + (keep ? count_true(keep_of(taken[i]), in.rows) : in.rows);
  column.values = at::empty({offsets[num_taken], columns}, rows.options());
  float* to = column.values.mutable_data_ptr<float>();
  bool finite = true;
  for (int64_t i = 0; i < num_taken; ++i)
    finite &= copy_event(in.data + taken[i] * in.stride, keep_of(taken[i]), in.rows, offsets[i + 1] - offsets[i], columns,
                         to + offsets[i] * columns);
  if (!finite) throw_not_finite(object, column, taken, path, first_event);
  return column;
}

EventBlock Converter::operator()(const std::map<std::string, at::Tensor>& values, const std::string& path,
                                 int64_t first_event) const {
  std::vector<at::Tensor> rows;
  at::Tensor mask;
  for (const auto& object : objects_) {
    const auto found = values.find(object.name);
    TEV_CHECK(found != values.end(), "data.transform: no values for the object '", object.name, "' from ", path, ".");
    rows.push_back(as_rows(found->second));
    check_width(object, rows.back().size(1), path);
    TEV_CHECK(rows.back().size(0) == rows.front().size(0), "data.transform: ", rows.back().size(0), " events of '",
              object.name, "' and ", rows.front().size(0), " of '", objects_.front().name, "' from ", path, ".");
    if (!object.ragged && select_) mask = (*select_)(rows.back());
  }
  const std::vector<int64_t> taken = taken_events(mask, rows.front().size(0));
  EventBlock block;
  if (mask.defined()) block.selected = at::tensor(taken, at::kLong);
  for (size_t i = 0; i < objects_.size(); ++i)
    block.raw[objects_[i].name] = objects_[i].ragged ? ragged_column(i, rows[i], taken, path, first_event)
                                                     : event_column(objects_[i], rows[i], taken, path, first_event);
  return block;
}

}  // namespace tev
