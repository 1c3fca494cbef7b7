// What segment_reduce promises besides values: shapes of meta tensors, a traceable portable form, error texts.

#include "kernels/segment_reduce/segment_reduce.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <string>
#include <vector>

#include "base/portable.hpp"
#include "tests/kernels/segment_reduce_oracle.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;  // the oracle and the checks of tests/support

TEST(SegmentReduce, MetaTensorsGiveShapesOnly) {
  const at::TensorOptions meta(at::kMeta);
  const at::Tensor x = at::empty({24, 5, 2}, meta.dtype(at::kHalf)), offsets = at::empty({12}, meta.dtype(at::kLong));
  for (const auto reduction : reductions) {
    const at::Tensor out = segment_reduce(x, offsets, reduction);
    EXPECT_EQ(out.sizes(), at::IntArrayRef({11, 5, 2}));
    EXPECT_EQ(out.scalar_type(), at::kHalf);
    EXPECT_TRUE(out.is_meta());
    const at::Tensor leaf = x.detach().requires_grad_();
    const auto gradient = torch::autograd::grad({segment_reduce(leaf, offsets, reduction)}, {leaf}, {out});
    EXPECT_EQ(gradient[0].sizes(), x.sizes());
  }
}

TEST(SegmentReduce, TracedPortableFormFitsOtherSizesAndNeedsNoLibrary) {
  for (const auto reduction : reductions) {
    const at::Tensor x = distinct_values({24, 3}).to(at::kFloat);
    std::vector<c10::IValue> inputs = {x, ragged_offsets()};
    const PortableGuard portable;
    const auto traced = torch::jit::tracer::trace(
        inputs,
        [&](const std::vector<c10::IValue>& arguments) -> std::vector<c10::IValue> {
          return {segment_reduce(arguments[0].toTensor(), arguments[1].toTensor(), reduction)};
        },
        [](const at::Tensor&) { return std::string(); });
    for (const auto* node : traced.first->graph->nodes())
      EXPECT_TRUE(node->kind().is_aten() || node->kind().is_prim()) << node->kind().toQualString();
    torch::jit::GraphExecutor executor(traced.first->graph, "segment_reduce");
    const std::vector<std::vector<int64_t>> others = {
        {3}, {0}, {}, {4, 0, 1}, {0, 9, 200, 0, 0, 2, 5, 1, 1, 0, 7, 8}};
    for (const auto& lengths : others) {
      const at::Tensor offsets = offsets_of(lengths);
      const at::Tensor rows = at::randn({offsets[-1].item<int64_t>(), 3});
      std::vector<c10::IValue> stack = {rows, offsets};
      executor.run(stack);
      EXPECT_TRUE(is_close(stack[0].toTensor(), naive_loop(rows, offsets, reduction)));
    }
  }
}

TEST(SegmentReduceErrors, NameTheProblemAndWhatWasExpected) {
  const at::Tensor x = at::zeros({4, 2}), offsets = offsets_of({1, 3});
  const auto message = [](const at::Tensor& values, const at::Tensor& ends) {
    return error_of<Error>([&] { segment_reduce(values, ends, SegmentReduction::sum); });
  };
  const std::string where = "tev::segment_reduce: ";
  EXPECT_EQ(message(x.to(at::kLong), offsets),
            where + "x has dtype Long (float16, bfloat16, float32 or float64 was expected).");
  EXPECT_EQ(message(at::zeros({}), offsets), where + "x is a scalar (rows along dimension 0 were expected).");
  EXPECT_EQ(message(x, offsets.to(at::kInt)), where + "offsets has dtype Int (int64 was expected).");
  EXPECT_EQ(message(x, offsets.view({1, 3})), where + "offsets has 2 dimensions (1 was expected: [segments + 1]).");
  EXPECT_EQ(message(x, offsets.slice(0, 0, 0)),
            where + "offsets is empty (segments + 1 numbers were expected: at least the 0).");
  EXPECT_EQ(message(x, offsets.to(at::kMeta)), where + "offsets is on meta (cpu was expected, where the values are).");
}

TEST(SegmentReduceErrors, ValuesOfOffsetsAreCheckedInEveryForm) {
  const at::Tensor x = at::zeros({4, 2});
  for (const bool is_portable : {false, true}) {
    const PortableGuard guard(is_portable);
    const auto message = [&](std::vector<int64_t> offsets) {
      return error_of<Error>([&] { segment_reduce(x, at::tensor(offsets, at::kLong), SegmentReduction::max); });
    };
    const std::string where = "tev::segment_reduce: offsets ";
    EXPECT_EQ(message({1, 4}), where + "starts with 1 (0 was expected).");
    EXPECT_EQ(message({0, 3, 2, 4}),
              where + "falls from 3 to 2 at position 2 (nondecreasing numbers were expected).");
    EXPECT_EQ(message({0, 5}), where + "ends with 5 (4 was expected, the number of rows).");
    EXPECT_EQ(message({0, 3}), where + "ends with 3 (4 was expected, the number of rows).");
  }
}

TEST(SegmentReduceErrors, BackwardChecksItsArgumentsToo) {
  const auto op = c10::Dispatcher::singleton()
                      .findSchemaOrThrow("tev::segment_reduce_backward", "")
                      .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::string_view,
                                        c10::SymInt)>();
  const at::Tensor offsets = offsets_of({1, 3}), no_arg = at::empty({0}, at::kLong);
  const auto message = [&](const at::Tensor& grad, const at::Tensor& arg, const char* reduce, int64_t num_rows) {
    return error_of<Error>([&] { op.call(grad, offsets, arg, reduce, num_rows); });
  };
  EXPECT_EQ(message(at::zeros({3, 2}), no_arg, "sum", 4),
            "tev::segment_reduce_backward: grad has 3 rows (2 were expected, one a segment).");
  EXPECT_EQ(message(at::zeros({2, 2}), no_arg, "max", 4),
            "tev::segment_reduce_backward: arg has shape [0] ([2, 2] was expected, the shape of grad).");
  EXPECT_EQ(message(at::zeros({2, 2}), no_arg, "sum", 5),
            "tev::segment_reduce: offsets ends with 4 (5 was expected, the number of rows).");
}

TEST(SegmentReduceErrors, UnknownReductionNamesTheKnownOnes) {
  EXPECT_EQ(error_of<Error>([] { segment_reduction_from("maxx"); }),
            "tev::segment_reduce: reduce is 'maxx' (known: sum, mean, max, min). Did you mean 'max'?");
}

}  // namespace
}  // namespace tev
