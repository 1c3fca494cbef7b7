#include "engine/evaluate/non_finite.hpp"

#include "base/names.hpp"

#include <ATen/ops/isfinite.h>

namespace tev {

void check_finite_events(const at::Tensor& rows, const Batch& batch, const std::string& what, const std::string& advice) {
  const at::Tensor finite = at::isfinite(rows);
  if (finite.all().item<bool>()) return;
  std::vector<int64_t> ids;
  std::vector<std::string> names;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const auto [first, last] = batch.labels_of(i);
    if (finite.slice(0, first, last).all().item<bool>()) continue;
    ids.push_back(batch.sample_id[i].item<int64_t>());
    names.push_back(std::to_string(ids.back()));
  }
  const std::string message = c10::str(what, " of ", ids.size(), " of ", batch.size(), " events are not finite, sample ids ",
                                       join_names(names), ". ", advice);
  throw NonFiniteEvents(message, std::move(ids));
}

}  // namespace tev
