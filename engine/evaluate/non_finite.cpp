#include "engine/evaluate/non_finite.hpp"

#include "base/names.hpp"

#include <ATen/ops/isfinite.h>

namespace tev {

void check_finite_events(const at::Tensor& rows, const at::Tensor& sample_id, const std::string& what, const std::string& advice) {
  const at::Tensor finite = at::isfinite(rows).reshape({rows.size(0), -1}).all(1);
  if (finite.all().item<bool>()) return;
  const at::Tensor bad = sample_id.masked_select(finite.logical_not());
  std::vector<int64_t> ids(bad.const_data_ptr<int64_t>(), bad.const_data_ptr<int64_t>() + bad.numel());
  std::vector<std::string> names;
  for (const int64_t id : ids) names.push_back(std::to_string(id));
  const std::string message = c10::str(what, " of ", ids.size(), " of ", rows.size(0), " events are not finite, sample ids ",
                                       join_names(names), ". ", advice);
  throw NonFiniteEvents(message, std::move(ids));
}

}  // namespace tev
