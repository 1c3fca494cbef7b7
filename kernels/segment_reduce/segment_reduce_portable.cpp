#include <ATen/TensorOperators.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/scatter_reduce.h>

#include <vector>

#include "kernels/segment_reduce/segment_reduce.hpp"

namespace tev {
namespace {

/// [S] as [S, 1, 1, ...], to stand beside rows.
at::Tensor beside(const at::Tensor& values, const at::Tensor& rows) {
  std::vector<int64_t> shape(rows.dim(), 1);
  shape[0] = -1;
  return values.view(shape);
}

}  // namespace

// No size of a tensor is read: the tracer would bake it into the graph. The result's shape comes from adding
// [S, 1, ...] and [C, ...] zeros.
at::Tensor segment_reduce_portable(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction) {
  const bool is_half = x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
  const at::Tensor rows = is_half ? x.to(at::kFloat) : x;
  const at::Tensor counts = offsets.slice(0, 1) - offsets.slice(0, 0, -1);
  const at::Tensor segment = at::repeat_interleave(counts);
  const at::Tensor zeros = beside(counts.mul(0).to(rows.scalar_type()), rows) + rows.slice(0, 0, 0).sum(0);
  at::Tensor out;
  if (reduction == SegmentReduction::sum || reduction == SegmentReduction::mean) {
    out = zeros.index_add(0, segment, rows);
    if (reduction == SegmentReduction::mean) out = out / beside(counts.clamp_min(1), rows);
  } else {
    const char* name = reduction == SegmentReduction::max ? "amax" : "amin";
    out = zeros.scatter_reduce(0, beside(segment, rows).expand_as(rows), rows, name, /*include_self=*/false);
  }
  return is_half ? out.to(x.scalar_type()) : out;
}

}  // namespace tev
