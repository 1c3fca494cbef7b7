#include "data/transform/dry_run.hpp"

#include "data/transform/expression_error.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <numeric>

namespace tev {
namespace {

constexpr int64_t rows_per_event[] = {2, 0, 3};
constexpr int64_t num_events = 3;

/// Inputs of events [first, last): values in (1, 3), all different, the same for an event wherever it stands.
std::vector<c10::IValue> made_up_events(const std::vector<RawObject>& objects, int64_t first, int64_t last) {
  std::vector<c10::IValue> inputs;
  const auto values = [](int64_t first_row, int64_t last_row, size_t columns) {
    const auto width = static_cast<int64_t>(columns);
    return at::arange(first_row * width, last_row * width, at::kFloat)
        .mul(1.618034f)
        .remainder(2.f)
        .add(1.f)
        .view({-1, width});
  };
  std::vector<int64_t> starts = {0};
  for (const int64_t rows : rows_per_event) starts.push_back(starts.back() + rows);
  for (const auto& object : objects) {
    if (!object.ragged) {
      inputs.emplace_back(values(first, last, object.columns.size()));
      continue;
    }
    const auto begin = static_cast<size_t>(first), end = static_cast<size_t>(last);
    std::vector<int64_t> offsets;
    for (size_t i = begin; i <= end; ++i) offsets.push_back(starts[i] - starts[begin]);
    inputs.emplace_back(values(starts[begin], starts[end], object.columns.size()));
    inputs.emplace_back(at::tensor(offsets, at::kLong));
  }
  return inputs;
}

using ColumnLists = std::vector<std::vector<at::Tensor>>;

ColumnLists evaluate(torch::jit::Module& module, const std::vector<RawObject>& objects,
                     const std::vector<Expression>& expressions, int64_t first, int64_t last) {
  ColumnLists lists;
  try {
    const auto result = module.get_method("columns")(made_up_events(objects, first, last)).toList();
    for (const c10::IValue& list : result.vec()) lists.push_back(list.toTensorVector());
  } catch (const std::exception& error) {
    throw expression_error(expressions, error);
  }
  return lists;
}

}  // namespace

void dry_run(torch::jit::Module& module, const std::vector<RawObject>& objects, const std::vector<ObjectSpec>& specs,
             const std::vector<Expression>& expressions) {
  const at::NoGradGuard no_grad;
  const torch::jit::GraphOptimizerEnabledGuard no_optimiser(false);
  const ColumnLists together = evaluate(module, objects, expressions, 0, num_events);
  size_t index = 0;
  for (size_t i = 0; i < specs.size(); ++i)
    for (const at::Tensor& column : together[i]) {
      const Expression& expression = expressions[index++];
      const int64_t rows = specs[i].ragged ? 5 : num_events;
      TEV_CHECK_INPUT(column.dim() == 1 && column.size(0) == rows, expression.key, ": ", expression.text, " has shape ",
                      column.sizes(), " for ", rows, specs[i].ragged ? " rows" : " events",
                      " (a feature is one value for each). Use elementwise functions, or event_sum and the like.");
    }
  for (const int64_t event : {0, 2, 1}) {  // the one without rows last: its errors are the hardest to understand
    const int64_t row = std::accumulate(rows_per_event, rows_per_event + event, int64_t{0});
    const ColumnLists alone = evaluate(module, objects, expressions, event, event + 1);
    index = 0;
    for (size_t i = 0; i < specs.size(); ++i)
      for (size_t j = 0; j < alone[i].size(); ++j) {
        const Expression& expression = expressions[index++];
        const at::Tensor& column = alone[i][j];
        const at::Tensor expected =
            together[i][j].narrow(0, specs[i].ragged ? row : event, specs[i].ragged ? rows_per_event[event] : 1);
        TEV_CHECK_INPUT(
            column.sizes() == expected.sizes() && at::allclose(column, expected, 1e-4, 1e-5, /*equal_nan=*/true),
            expression.key, ": ", expression.text,
            " gives an event other values when it stands alone (a feature must not depend on the rest of the "
            "batch). Use elementwise functions, or event_sum and the like.");
      }
  }
}

}  // namespace tev
