#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>

#include <limits>

#include "kernels/sparse_pool/sparse_pool.hpp"

namespace tev {

// No number of rows is read: the tracer would bake it into the graph. A row that loses to every other stands before the first input, for
// taps that join nothing.
at::Tensor sparse_pool_portable(const at::Tensor& x, const at::Tensor& table, SegmentReduction reduction) {
  const bool is_half = x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
  const at::Tensor rows = is_half ? x.to(at::kFloat) : x;
  const double infinity = std::numeric_limits<double>::infinity();
  const double nothing = reduction == SegmentReduction::max ? -infinity : reduction == SegmentReduction::min ? infinity : 0;
  const at::Tensor padded = at::cat({rows.new_full({1, x.size(1)}, nothing), rows});
  at::Tensor out;
  for (int64_t tap = 0; tap < table.size(1); ++tap) {
    const at::Tensor next = padded.index_select(0, table.select(1, tap) + 1);
    if (!out.defined()) out = next;
    else if (reduction == SegmentReduction::max) out = at::maximum(out, next);
    else if (reduction == SegmentReduction::min) out = at::minimum(out, next);
    else out = out + next;
  }
  const at::Tensor count = table.ge(0).sum(1, /*keepdim=*/true);
  if (reduction == SegmentReduction::mean) out = out / count.clamp_min(1);
  if (keeps_row_index(reduction)) out = at::where(count.gt(0), out, 0);
  return out.to(x.scalar_type());
}

}  // namespace tev
