// One training step of pfn (forward, loss, backward) on the CPU: separate operators against mlp_segment_sum.
//
// pfn_bench [threads=2] [repeats=31]: JSON lines; the two are timed in turn, so that a busy machine slows both.

#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/layers/mlp_segment_sum.hpp"
#include "models/layers/mlp_stack.hpp"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include <malloc.h>

namespace {

constexpr int64_t num_jets = 500, num_rows = 30000, num_features = 7;

struct Net {
  tev::MlpStack phi{tev::MlpStackOptions{num_features, {100, 100, 256}}, "phi"};
  tev::MlpStack f{tev::MlpStackOptions{256, {100, 100, 100, 2}}, "f"};

  at::Tensor logits(const at::Tensor& x, const at::Tensor& offsets, bool fused) {
    const at::Tensor latent = fused ? tev::mlp_segment_sum(x, offsets, phi->linear_parameters(), {})
                                    : tev::segment_reduce(phi->forward(x), offsets, tev::SegmentReduction::sum);
    return f->forward(latent);
  }
  void step(const at::Tensor& x, const at::Tensor& offsets, const at::Tensor& label, bool fused) {
    phi->zero_grad();
    f->zero_grad();
    at::cross_entropy_loss(logits(x, offsets, fused), label).backward();
  }
};

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  at::set_num_threads(argc > 1 ? std::atoi(argv[1]) : 2);
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 31;

  at::manual_seed(1);
  const at::Tensor x = at::randn({num_rows, num_features});
  const at::Tensor cuts = std::get<0>(at::randint(num_rows, {num_jets - 1}, at::kLong).sort());
  const at::Tensor offsets = at::cat({at::zeros({1}, at::kLong), cuts, at::full({1}, num_rows, at::kLong)});
  const at::Tensor label = at::randint(2, {num_jets}, at::kLong);
  Net net;

  std::vector<double> plain, fused, plain_forward, fused_forward;
  for (int i = 0; i < repeats + 3; ++i) {
    const double p = milliseconds([&] { net.step(x, offsets, label, false); });
    const double f = milliseconds([&] { net.step(x, offsets, label, true); });
    at::NoGradGuard no_grad;
    const double pf = milliseconds([&] { net.logits(x, offsets, false); });
    const double ff = milliseconds([&] { net.logits(x, offsets, true); });
    if (i < 3) continue;
    plain.push_back(p), fused.push_back(f), plain_forward.push_back(pf), fused_forward.push_back(ff);
  }
  const auto report = [&](const char* name, const std::vector<double>& p, const std::vector<double>& f) {
    std::printf(
        "{\"benchmark\": \"pfn_%s\", \"jets\": %ld, \"rows\": %ld, \"threads\": %d, \"separate_ms\": %.2f, "
        "\"fused_ms\": %.2f, \"ratio\": %.3f}\n",
        name, static_cast<long>(num_jets), static_cast<long>(num_rows), at::get_num_threads(), median(p), median(f),
        median(p) / median(f));
  };
  report("step", plain, fused);
  report("inference", plain_forward, fused_forward);
}
