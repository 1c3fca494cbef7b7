#include "data/stream/gather.hpp"

#include "base/check.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cstring>

namespace tev {
namespace {

/// An event that is there.
struct Picked {
  const DecodedUnit* unit;
  int64_t row;  ///< in the tensors of the unit
  int64_t sample_id;
};

std::vector<Picked> selected_events(const std::vector<EventRef>& references) {
  std::vector<Picked> picked;
  picked.reserve(references.size());
  for (const auto& [unit, event] : references) {
    const int64_t row = unit->position.defined() ? unit->position.const_data_ptr<int64_t>()[event] : event;
    if (row >= 0) picked.push_back({unit, row, unit->first_sample_id + event});
  }
  return picked;
}

/// Bytes of one row of a [rows, ...] tensor.
int64_t row_bytes(const at::Tensor& values) {
  int64_t bytes = static_cast<int64_t>(values.element_size());
  for (int64_t d = 1; d < values.dim(); ++d) bytes *= values.size(d);
  return bytes;
}

at::Tensor empty_rows_like(const at::Tensor& values, int64_t rows) {
  auto sizes = values.sizes().vec();
  sizes[0] = rows;
  return at::empty(sizes, values.options());
}

/// Rows of a dense column; `column_of` finds the tensor in a unit.
template <class ColumnOf>
at::Tensor gather_dense(const std::vector<Picked>& events, ColumnOf column_of) {
  const at::Tensor& first = column_of(*events.front().unit);
  at::Tensor out = empty_rows_like(first, static_cast<int64_t>(events.size()));
  const int64_t bytes = row_bytes(first);
  auto* target = static_cast<char*>(out.data_ptr());
  for (const auto& [unit, row, sample_id] : events) {
    std::memcpy(target, static_cast<const char*>(column_of(*unit).const_data_ptr()) + row * bytes, bytes);
    target += bytes;
  }
  return out;
}

Column gather_ragged(const std::vector<Picked>& events, const std::string& name) {
  const auto num_events = static_cast<int64_t>(events.size());
  at::Tensor offsets = at::empty({num_events + 1}, at::kLong);
  auto* out_offsets = offsets.data_ptr<int64_t>();
  out_offsets[0] = 0;
  for (int64_t i = 0; i < num_events; ++i) {
    const auto* unit_offsets = events[i].unit->inputs.at(name).offsets.const_data_ptr<int64_t>();
    out_offsets[i + 1] = out_offsets[i] + unit_offsets[events[i].row + 1] - unit_offsets[events[i].row];
  }
  const at::Tensor& first = events.front().unit->inputs.at(name).values;
  at::Tensor values = empty_rows_like(first, out_offsets[num_events]);
  const int64_t bytes = row_bytes(first);
  auto* target = static_cast<char*>(values.data_ptr());
  for (int64_t i = 0; i < num_events; ++i) {
    const Column& column = events[i].unit->inputs.at(name);
    const int64_t begin = column.offsets.const_data_ptr<int64_t>()[events[i].row];
    std::memcpy(target + out_offsets[i] * bytes, static_cast<const char*>(column.values.const_data_ptr()) + begin * bytes,
                (out_offsets[i + 1] - out_offsets[i]) * bytes);
  }
  return {values, offsets};
}

/// One column behind the other.
Column join_column(const std::vector<const Column*>& pieces) {
  std::vector<at::Tensor> values, offsets;
  int64_t shift = 0;
  for (const Column* piece : pieces) {
    values.push_back(piece->values);
    if (!piece->ragged()) continue;
    offsets.push_back(offsets.empty() ? piece->offsets : piece->offsets.slice(0, 1).add(shift));
    shift += piece->values.size(0);
  }
  return {at::cat(values), offsets.empty() ? at::Tensor() : at::cat(offsets)};
}

}  // namespace

Batch empty_batch(const DecodedUnit& unit) {
  Batch batch;
  for (const auto& [name, column] : unit.inputs) {
    batch.inputs[name].values = empty_rows_like(column.values, 0);
    if (column.ragged()) batch.inputs[name].offsets = at::zeros({1}, at::kLong);
  }
  batch.label = empty_rows_like(unit.label, 0);
  batch.weight = empty_rows_like(unit.weight, 0);
  batch.sample_id = at::empty({0}, at::kLong);
  for (const auto& [name, values] : unit.observers) batch.observers[name] = empty_rows_like(values, 0);
  return batch;
}

Batch gather_events(const std::vector<EventRef>& references) {
  TEV_EXPECT(!references.empty());
  const auto events = selected_events(references);
  if (events.empty()) return empty_batch(*references.front().unit);
  Batch batch;
  for (const auto& [name, column] : events.front().unit->inputs) {
    if (column.ragged()) {
      batch.inputs[name] = gather_ragged(events, name);
    } else {
      batch.inputs[name].values =
          gather_dense(events, [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.inputs.at(name).values; });
    }
  }
  batch.label = gather_dense(events, [](const DecodedUnit& unit) -> const at::Tensor& { return unit.label; });
  batch.weight = gather_dense(events, [](const DecodedUnit& unit) -> const at::Tensor& { return unit.weight; });
  for (const auto& observer : events.front().unit->observers) {
    const auto& name = observer.first;
    batch.observers[name] =
        gather_dense(events, [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.observers.at(name); });
  }
  batch.sample_id = at::empty({static_cast<int64_t>(events.size())}, at::kLong);
  auto* ids = batch.sample_id.data_ptr<int64_t>();
  for (const auto& event : events) *ids++ = event.sample_id;
  return batch;
}

int64_t batch_bytes(const Batch& batch) {
  size_t bytes = batch.label.nbytes() + batch.weight.nbytes() + batch.sample_id.nbytes();
  for (const auto& [name, column] : batch.inputs) bytes += column.values.nbytes() + (column.ragged() ? column.offsets.nbytes() : 0);
  for (const auto& [name, values] : batch.observers) bytes += values.nbytes();
  return static_cast<int64_t>(bytes);
}

Columns join_columns(const std::vector<Columns>& pieces) {
  Columns joined;
  for (const auto& entry : pieces.front()) {
    std::vector<const Column*> parts;
    for (const auto& piece : pieces) parts.push_back(&piece.at(entry.first));
    joined[entry.first] = join_column(parts);
  }
  return joined;
}

Batch concatenate(std::vector<Batch> pieces) {
  TEV_EXPECT(!pieces.empty());
  if (pieces.size() == 1) return std::move(pieces.front());
  const auto join = [&pieces](auto column_of) {
    std::vector<at::Tensor> parts;
    for (const auto& piece : pieces) parts.push_back(column_of(piece));
    return at::cat(parts);
  };
  Batch batch;
  std::vector<Columns> inputs;
  for (const auto& piece : pieces) inputs.push_back(piece.inputs);
  batch.inputs = join_columns(inputs);
  batch.label = join([](const Batch& piece) { return piece.label; });
  batch.weight = join([](const Batch& piece) { return piece.weight; });
  batch.sample_id = join([](const Batch& piece) { return piece.sample_id; });
  for (const auto& observer : pieces.front().observers) {
    const auto& name = observer.first;
    batch.observers[name] = join([&name](const Batch& piece) { return piece.observers.at(name); });
  }
  return batch;
}

}  // namespace tev
