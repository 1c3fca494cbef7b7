#pragma once
// Numbers that broke down, and the events where they did.

#include "base/batch.hpp"
#include "base/check.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tev {

/// A loss, a gradient or a probability was NaN or infinite.
class NonFiniteEvents : public Error {
 public:
  NonFiniteEvents(const std::string& message, std::vector<int64_t> sample_ids)
      : Error(message), sample_ids(std::move(sample_ids)) {}
  std::vector<int64_t> sample_ids;  ///< the events that are to blame; of a gradient, all events of the step
};

/// Refuses events with a NaN or an infinity.
/// @param rows       [R, K], CPU
/// @param batch      whose labels they belong to
/// @param what       "validation: the probabilities"
/// @param advice     what to do
/// @throws NonFiniteEvents  "<what> of 2 of 500 events are not finite, sample ids 7, 19. <advice>"
void check_finite_events(const at::Tensor& rows, const Batch& batch, const std::string& what, const std::string& advice);

}  // namespace tev
