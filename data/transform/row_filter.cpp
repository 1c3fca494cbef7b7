#include "data/transform/row_filter.hpp"

#include "data/transform/expression_error.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/frontend/parser.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>

namespace tev {
namespace {

/// The columns of one object, and nothing else.
class ColumnScope final : public Scope {
 public:
  explicit ColumnScope(const std::vector<std::string>& columns) : columns_(columns) {}

  std::string variable(const std::string& name) override {
    const auto column = std::find(columns_.begin(), columns_.end(), name);
    return column == columns_.end() ? "" : "c_" + name;
  }
  std::vector<std::string> names() const override { return columns_; }
  Reduction reduction(const std::string& key, const std::string& call, const std::vector<std::string>&) override {
    throw InputError(key + ": " + call +
                     " cannot stand here (the condition is applied before rows are grouped into events)." +
                     " Use the columns of the row itself.");
  }

 private:
  const std::vector<std::string>& columns_;
};

}  // namespace

RowFilter::RowFilter(std::string key, const std::string& text, const std::vector<std::string>& columns)
    : unit_(std::make_unique<torch::jit::CompilationUnit>()) {
  const Expression expression = parse_expression(key, text);
  ColumnScope scope(columns);
  const auto bound = bind_names(expression, scope);
  std::string parameters;
  for (const auto& name : value_names(expression.tree)) {
    parameters += (parameters.empty() ? "c_" : ", c_") + name + ": Tensor";
    used_.push_back(std::find(columns.begin(), columns.end(), name) - columns.begin());
  }
  TEV_CHECK_INPUT(!used_.empty(), key, ": ", expression.text,
                  " names no column (it must be decided for each row). Remove it.");
  const std::string source = "def keep(" + parameters + ") -> Tensor:\n    return " + placeholder(0) + "\n";
  torch::jit::Parser parser(std::make_shared<torch::jit::Source>(source, "keep", 1));
  const torch::jit::Def function(fill_placeholders(parser.parseFunction(/*is_method=*/false), {bound}));
  at::Tensor trial;
  try {
    const auto resolver = define_prelude(*unit_);
    unit_->define(std::nullopt, {}, {}, {function}, {resolver}, nullptr);
    trial = (*this)(at::ones({2, 3, static_cast<int64_t>(columns.size())}));
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw expression_error({expression}, error);
  }
  TEV_CHECK_INPUT(trial.scalar_type() == at::kBool && trial.sizes() == at::IntArrayRef({2, 3}), key, ": ",
                  expression.text, " is not true or false for each row (it gives ", trial.scalar_type(), " of shape ",
                  trial.sizes(), " for 2 x 3 rows). Compare, as in E > 0, and join conditions with & and |.");
}

RowFilter::~RowFilter() = default;

at::Tensor RowFilter::operator()(const at::Tensor& values) const {
  const at::NoGradGuard no_grad;
  const torch::jit::GraphOptimizerEnabledGuard no_optimiser(false);
  std::vector<c10::IValue> inputs;
  for (const int64_t column : used_) inputs.emplace_back(values.select(-1, column));
  return unit_->get_function("keep")(std::move(inputs)).toTensor().contiguous();
}

}  // namespace tev
