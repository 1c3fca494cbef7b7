#include "data/stream/gather.hpp"

#include "base/check.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace tev {
namespace {

/// An event that is there.
struct Picked {
  size_t unit;       ///< among those of the selection
  int64_t row;       ///< in the tensors of the unit
  int64_t sample_id;
};

/// Events in their order, and the units that they lie in, each once: what an event needs of its unit is then looked up in a table.
struct Selection {
  std::vector<const DecodedUnit*> units;
  std::vector<Picked> events;

  /// of(unit) for each of the units.
  template <class Of>
  auto table(Of of) const {
    std::vector<decltype(of(*units.front()))> values;
    values.reserve(units.size());
    for (const DecodedUnit* unit : units) values.push_back(of(*unit));
    return values;
  }
};

/// Events whose values are fetched into the cache ahead of their turn: they lie anywhere in the window.
constexpr size_t kAhead = 8;
constexpr int64_t kCacheLine = 64, kMostLines = 8;

void prefetch(const char* from, int64_t bytes) {
  for (int64_t line = 0; line < std::min(bytes, kMostLines * kCacheLine); line += kCacheLine) __builtin_prefetch(from + line);
}

Selection selected_events(const std::vector<EventRef>& references) {
  Selection selection;
  selection.events.reserve(references.size());
  std::unordered_map<const DecodedUnit*, size_t> numbers;
  for (const auto& [unit, event] : references) {
    const int64_t row = unit->position.defined() ? unit->position.const_data_ptr<int64_t>()[event] : event;
    if (row < 0) continue;
    const auto [number, is_new] = numbers.try_emplace(unit, selection.units.size());
    if (is_new) selection.units.push_back(unit);
    selection.events.push_back({number->second, row, unit->first_sample_id + event});
  }
  return selection;
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

/// Rows of kBytes, a size that the compiler knows; 0: of `bytes`.
template <size_t kBytes>
void copy_rows(const std::vector<Picked>& events, const std::vector<const char*>& sources, size_t bytes, char* target) {
  if constexpr (kBytes > 0) bytes = kBytes;
  for (size_t i = 0; i < events.size(); ++i) {
    if (i + kAhead < events.size())
      __builtin_prefetch(sources[events[i + kAhead].unit] + events[i + kAhead].row * static_cast<int64_t>(bytes));
    std::memcpy(target, sources[events[i].unit] + events[i].row * static_cast<int64_t>(bytes), bytes);
    target += bytes;
  }
}

/// Rows of a dense column; `column_of` finds the tensor in a unit.
template <class ColumnOf>
at::Tensor gather_dense(const Selection& selection, ColumnOf column_of) {
  const at::Tensor& first = column_of(*selection.units.front());
  at::Tensor out = empty_rows_like(first, static_cast<int64_t>(selection.events.size()));
  const auto sources = selection.table([&](const DecodedUnit& unit) { return static_cast<const char*>(column_of(unit).const_data_ptr()); });
  const int64_t bytes = row_bytes(first);
  const auto copy = bytes == 4 ? copy_rows<4> : bytes == 8 ? copy_rows<8> : copy_rows<0>;
  copy(selection.events, sources, static_cast<size_t>(bytes), static_cast<char*>(out.data_ptr()));
  return out;
}

/// Rows of events; `values_of` and `offsets_of` find the tensors in a unit.
template <class ValuesOf, class OffsetsOf>
Column gather_ragged(const Selection& selection, ValuesOf values_of, OffsetsOf offsets_of) {
  const auto& events = selection.events;
  const auto num_events = static_cast<int64_t>(events.size());
  const auto unit_offsets = selection.table([&](const DecodedUnit& unit) { return offsets_of(unit).template const_data_ptr<int64_t>(); });
  const auto unit_values = selection.table(
      [&](const DecodedUnit& unit) { return static_cast<const char*>(values_of(unit).const_data_ptr()); });
  at::Tensor offsets = at::empty({num_events + 1}, at::kLong);
  auto* out_offsets = offsets.data_ptr<int64_t>();
  out_offsets[0] = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (i + kAhead < events.size()) __builtin_prefetch(unit_offsets[events[i + kAhead].unit] + events[i + kAhead].row);
    const int64_t* of_event = unit_offsets[events[i].unit] + events[i].row;
    out_offsets[i + 1] = out_offsets[i] + of_event[1] - of_event[0];
  }
  const at::Tensor& first = values_of(*selection.units.front());
  at::Tensor values = empty_rows_like(first, out_offsets[num_events]);
  const int64_t bytes = row_bytes(first);
  auto* target = static_cast<char*>(values.data_ptr());
  const auto source_of = [&](size_t i) { return unit_values[events[i].unit] + unit_offsets[events[i].unit][events[i].row] * bytes; };
  const auto bytes_of = [&](size_t i) { return (out_offsets[i + 1] - out_offsets[i]) * bytes; };
  for (size_t i = 0; i < events.size(); ++i) {
    if (i + kAhead < events.size()) prefetch(source_of(i + kAhead), bytes_of(i + kAhead));
    std::copy_n(source_of(i), bytes_of(i), target + out_offsets[i] * bytes);  // of nothing from nowhere too, where all events of a unit are empty
  }
  return {values, offsets};
}

/// Labels and weights: of events, or of their rows.
void gather_labels(const Selection& selection, Batch& batch) {
  const auto label = [](const DecodedUnit& unit) -> const at::Tensor& { return unit.label; };
  const auto weight = [](const DecodedUnit& unit) -> const at::Tensor& { return unit.weight; };
  const auto offsets = [](const DecodedUnit& unit) -> const at::Tensor& { return unit.label_offsets; };
  if (!selection.units.front()->label_offsets.defined()) {
    batch.label = gather_dense(selection, label);
    batch.weight = gather_dense(selection, weight);
    return;
  }
  const Column labels = gather_ragged(selection, label, offsets);
  batch.label = labels.values;
  batch.label_offsets = labels.offsets;
  batch.weight = gather_ragged(selection, weight, offsets).values;
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
  if (unit.label_offsets.defined()) batch.label_offsets = at::zeros({1}, at::kLong);
  batch.weight = empty_rows_like(unit.weight, 0);
  batch.sample_id = at::empty({0}, at::kLong);
  for (const auto& [name, values] : unit.observers) batch.observers[name] = empty_rows_like(values, 0);
  return batch;
}

Batch gather_events(const std::vector<EventRef>& references) {
  TEV_EXPECT(!references.empty());
  const Selection selection = selected_events(references);
  if (selection.events.empty()) return empty_batch(*references.front().unit);
  Batch batch;
  for (const auto& [name, column] : selection.units.front()->inputs) {
    if (column.ragged()) {
      batch.inputs[name] = gather_ragged(selection, [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.inputs.at(name).values; },
                                         [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.inputs.at(name).offsets; });
    } else {
      batch.inputs[name].values =
          gather_dense(selection, [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.inputs.at(name).values; });
    }
  }
  gather_labels(selection, batch);
  for (const auto& observer : selection.units.front()->observers) {
    const auto& name = observer.first;
    batch.observers[name] =
        gather_dense(selection, [&name](const DecodedUnit& unit) -> const at::Tensor& { return unit.observers.at(name); });
  }
  batch.sample_id = at::empty({static_cast<int64_t>(selection.events.size())}, at::kLong);
  auto* ids = batch.sample_id.data_ptr<int64_t>();
  for (const auto& event : selection.events) *ids++ = event.sample_id;
  return batch;
}

void pin_memory(Batch& batch) {
  for (auto& [name, column] : batch.inputs) {
    column.values = column.values.pin_memory();
    if (column.ragged()) column.offsets = column.offsets.pin_memory();
  }
  batch.label = batch.label.pin_memory();
  batch.weight = batch.weight.pin_memory();
}

int64_t batch_bytes(const Batch& batch) {
  size_t bytes = batch.label.nbytes() + batch.weight.nbytes() + batch.sample_id.nbytes();
  if (batch.label_offsets.defined()) bytes += batch.label_offsets.nbytes();
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
  std::vector<Column> labels;
  std::vector<const Column*> parts;
  for (const auto& piece : pieces) labels.push_back({piece.label, piece.label_offsets});
  for (const auto& piece : labels) parts.push_back(&piece);
  const Column joined = join_column(parts);
  batch.label = joined.values;
  batch.label_offsets = joined.offsets;
  batch.weight = join([](const Batch& piece) { return piece.weight; });
  batch.sample_id = join([](const Batch& piece) { return piece.sample_id; });
  for (const auto& observer : pieces.front().observers) {
    const auto& name = observer.first;
    batch.observers[name] = join([&name](const Batch& piece) { return piece.observers.at(name); });
  }
  return batch;
}

}  // namespace tev
