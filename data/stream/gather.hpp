#pragma once
// Assembly of a batch: events picked out of decoded units, in a given order.

#include "data/stream/decoded_unit.hpp"

#include <vector>

namespace tev {

/// One event of a batch: which unit it lies in, and which of its events it is.
struct EventRef {
  const DecodedUnit* unit;
  int64_t event;
};

/// Copies the events, in their order, into one batch. Events that `select` left out are skipped.
/// @return  a batch of references.size() events or fewer; inputs keep the objects of the first unit
Batch gather_events(const std::vector<EventRef>& references);

/// A batch of no events with the columns of a unit.
Batch empty_batch(const DecodedUnit& unit);

/// Moves what a model takes of a batch to pinned memory, which LibTorch pools. Only where CUDA is there.
void pin_memory(Batch& batch);

/// Memory held by the tensors of a batch.
int64_t batch_bytes(const Batch& batch);

/// Joins blocks of events with the same columns, in order; at least one.
Columns join_columns(const std::vector<Columns>& pieces);

/// Joins batches of the same columns, in order; at least one.
Batch concatenate(std::vector<Batch> pieces);

}  // namespace tev
