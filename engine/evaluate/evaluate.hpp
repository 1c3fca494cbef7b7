#pragma once
// One pass of a trained or half-trained model over events.

#include "base/messages.hpp"
#include "data/stream/batch_stream.hpp"
#include "engine/metrics/metric_set.hpp"
#include "engine/objective/objective.hpp"
#include "models/model.hpp"

#include <functional>

namespace tev {

/// Called for every batch with its probabilities [R, classes] float32, CPU, a row a label.
using BatchVisitor = std::function<void(const Batch& batch, const at::Tensor& probabilities)>;

/// Runs the model in evaluation mode, without gradients, over a stream to its end; leaves it in the mode it was in.
/// @param metrics  updated with every batch; may be null
/// @param total    events of the stream, for the progress line
/// @param stop     asked before every batch; true ends the pass
/// @return         whether it reached the end of the stream
/// @throws NonFiniteEvents  a probability is NaN or infinite
bool evaluate(Model& model, const Objective& objective, BatchStream& stream, MetricSet* metrics, const BatchVisitor& visit,
              const std::string& stage, int64_t total, Messages& messages, const std::function<bool()>& stop = {});

}  // namespace tev
