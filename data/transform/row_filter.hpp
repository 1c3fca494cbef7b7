#pragma once
// A condition on rows: `valid` of an object, `select` of events.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace torch::jit {
struct CompilationUnit;
}

namespace tev {

/// A compiled boolean expression over the columns of one object; may be called from several threads at once.
class RowFilter {
 public:
  /// @param key      where it stands, e.g. "data.objects.part.valid"
  /// @param columns  names of the last dimension of what it is applied to
  /// @throws InputError  a mistake in the expression, or one that is not true or false for each row
  RowFilter(std::string key, const std::string& text, const std::vector<std::string>& columns);
  ~RowFilter();

  /// @param values  [..., K] float32, strided
  /// @return        [...] bool, contiguous
  at::Tensor operator()(const at::Tensor& values) const;

 private:
  std::unique_ptr<torch::jit::CompilationUnit> unit_;
  std::vector<int64_t> used_;  ///< columns that the expression names
};

}  // namespace tev
