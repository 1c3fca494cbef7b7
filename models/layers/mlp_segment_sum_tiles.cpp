#include "models/layers/mlp_segment_sum_tiles.hpp"

#include "models/layers/relu_rows.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

namespace tev {
namespace {

// 512 rows of 456 floats are 0.9 MB: in the second-level cache, and large enough for the matrix products to run at
// speed.
constexpr int64_t tile_rows = 512;

// ATen's worker threads start without the caller's modes: nothing in a tile may be recorded.
struct TileGuard {
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  at::NoGradGuard no_grad;
};

// Bounds of runs of segments with about equally many rows, one for each thread.
std::vector<int64_t> share_segments(const at::Tensor& offsets, int64_t parts) {
  const int64_t num_segments = offsets.numel() - 1;
  const int64_t* begin = offsets.const_data_ptr<int64_t>();
  std::vector<int64_t> bounds(parts + 1, num_segments);
  bounds[0] = 0;
  for (int64_t part = 1; part < parts; ++part) {
    const int64_t row = begin[num_segments] * part / parts;
    const int64_t segment = std::lower_bound(begin, begin + num_segments, row) - begin;
    bounds[part] = std::max(bounds[part - 1], segment);
  }
  return bounds;
}

int64_t num_parts(const MlpRows& rows) {
  return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows.x.size(0) / tile_rows));
}

template <class F>
void for_each_tile(const int64_t* offsets, int64_t segment_begin, int64_t segment_end, F&& body) {
  int64_t segment = segment_begin;
  for (int64_t row = offsets[segment_begin]; row < offsets[segment_end];) {
    const int64_t end = std::min(row + tile_rows, offsets[segment_end]);
    while (offsets[segment + 1] <= row) ++segment;
    body(row, end - row, segment);
    row = end;
  }
}

/// The pieces of segments among `count` rows from `row` on, the first of which lies in `segment`.
template <class F>
void for_each_segment(const int64_t* offsets, int64_t row, int64_t count, int64_t segment, F&& body) {
  for (const int64_t end = row + count; row < end;) {
    while (offsets[segment + 1] <= row) ++segment;
    const int64_t piece_end = std::min(end, offsets[segment + 1]);
    body(row, piece_end - row, segment);
    row = piece_end;
  }
}

at::Tensor tile_like(const at::Tensor& x, int64_t width) { return at::empty({tile_rows, width}, x.options()); }

// Sums each tile's column sums into the bias gradient: a sum of short sums, accurate over any number of rows.
template <class T>
void flush_column_sum(std::vector<T>& column_sum, at::Tensor& bias_gradient) {
  T* total = bias_gradient.mutable_data_ptr<T>();
  for (int64_t c = 0; c < bias_gradient.numel(); ++c) total[c] += column_sum[c];
  std::fill(column_sum.begin(), column_sum.end(), T(0));
}

template <class T>
class ForwardPart {
 public:
  ForwardPart(const MlpRows& rows, const MlpLayers& layers, const MlpKept* kept, at::Tensor& out)
      : rows_(rows), layers_(layers), kept_(kept), out_(out.mutable_data_ptr<T>()) {
    for (const int64_t width : layers.widths()) scratch_.push_back(tile_like(rows.x, width));
  }

  void tile(int64_t row, int64_t count, int64_t segment) {
    at::Tensor input = rows_.x.narrow(0, row, count);
    const size_t last = layers_.weight.size() - 1;
    for (size_t i = 0; i <= last; ++i) {
      const bool keep = kept_ && i < last;
      at::Tensor output = keep ? kept_->hidden[i].narrow(0, row, count) : scratch_[i].narrow(0, 0, count);
      at::mm_out(output, input, layers_.weight[i].t());
      if (i < last)
        add_bias_relu(output.mutable_data_ptr<T>(), layers_.bias[i].template const_data_ptr<T>(), {count, output.size(1)});
      input = output;
    }
    sum_rows(input, row, count, segment);
  }

 private:
  void sum_rows(const at::Tensor& y, int64_t row, int64_t count, int64_t segment) {
    const int64_t width = y.size(1);
    const int64_t* offsets = rows_.offsets.template const_data_ptr<int64_t>();
    const T* z = rows_.z.defined() ? rows_.z.template const_data_ptr<T>() : nullptr;
    const T* bias = layers_.bias.back().template const_data_ptr<T>();
    const T* values = y.const_data_ptr<T>();
    uint8_t* is_on = kept_ ? kept_->last_is_on.template mutable_data_ptr<uint8_t>() + row * width : nullptr;
    for_each_segment(offsets, row, count, segment, [&](int64_t begin, int64_t length, int64_t s) {
      const int64_t start = (begin - row) * width;
      add_relu_rows(out_ + s * width, is_on ? is_on + start : nullptr, values + start, bias, z ? z + begin : nullptr, {length, width});
    });
  }

  const MlpRows& rows_;
  const MlpLayers& layers_;
  const MlpKept* kept_;
  T* out_;
  std::vector<at::Tensor> scratch_;
};

template <class T>
class BackwardPart {
 public:
  BackwardPart(const MlpRows& rows, const MlpLayers& layers, const MlpKept& kept, const at::Tensor& grad_out,
               at::Tensor grad_x)
      : rows_(rows), layers_(layers), kept_(kept), grad_out_(grad_out), grad_x_(std::move(grad_x)) {
    for (size_t i = 0; i < layers.weight.size(); ++i) {
      weight.push_back(at::zeros_like(layers.weight[i]));
      bias.push_back(at::zeros_like(layers.bias[i]));
      scratch_.push_back(tile_like(rows.x, layers.weight[i].size(0)));
      column_sum_.emplace_back(layers.bias[i].numel(), T(0));
    }
  }

  void tile(int64_t row, int64_t count, int64_t segment) {
    const size_t last = layers_.weight.size() - 1;
    at::Tensor gradient = scratch_[last].narrow(0, 0, count);
    gather_rows(gradient, row, count, segment);
    for (size_t i = last;; --i) {
      flush_column_sum(column_sum_[i], bias[i]);
      const at::Tensor input = (i > 0 ? kept_.hidden[i - 1] : rows_.x).narrow(0, row, count);
      at::addmm_out(weight[i], weight[i], gradient.t(), input);
      if (i == 0) break;
      at::Tensor below = scratch_[i - 1].narrow(0, 0, count);
      at::mm_out(below, gradient, layers_.weight[i]);
      mask_by_value(below.mutable_data_ptr<T>(), column_sum_[i - 1].data(), input.const_data_ptr<T>(), {count, below.size(1)});
      gradient = below;
    }
    if (grad_x_.defined()) {
      at::Tensor grad_x = grad_x_.narrow(0, row, count);
      at::mm_out(grad_x, gradient, layers_.weight[0]);
    }
  }

  std::vector<at::Tensor> weight, bias;

 private:
  void gather_rows(at::Tensor& gradient, int64_t row, int64_t count, int64_t segment) {
    const int64_t width = gradient.size(1);
    const int64_t* offsets = rows_.offsets.template const_data_ptr<int64_t>();
    const T* z = rows_.z.defined() ? rows_.z.template const_data_ptr<T>() : nullptr;
    const T* grad_out = grad_out_.template const_data_ptr<T>();
    const uint8_t* is_on = kept_.last_is_on.template const_data_ptr<uint8_t>() + row * width;
    T* values = gradient.mutable_data_ptr<T>();
    for_each_segment(offsets, row, count, segment, [&](int64_t begin, int64_t length, int64_t s) {
      const int64_t start = (begin - row) * width;
      masked_rows(values + start, column_sum_.back().data(), is_on + start, grad_out + s * width, z ? z + begin : nullptr,
                  {length, width});
    });
  }

  const MlpRows& rows_;
  const MlpLayers& layers_;
  const MlpKept& kept_;
  const at::Tensor& grad_out_;
  at::Tensor grad_x_;
  std::vector<at::Tensor> scratch_;
  std::vector<std::vector<T>> column_sum_;
};

}  // namespace

MlpKept make_kept(const MlpRows& rows, const MlpLayers& layers) {
  const auto widths = layers.widths();
  const int64_t num_rows = rows.x.size(0);
  MlpKept kept;
  kept.last_is_on = at::empty({num_rows, widths.back()}, rows.x.options().dtype(at::kByte));
  for (size_t i = 0; i + 1 < widths.size(); ++i)
    kept.hidden.push_back(at::empty({num_rows, widths[i]}, rows.x.options()));
  return kept;
}

template <class T>
void tiles_forward(const MlpRows& rows, const MlpLayers& layers, const MlpKept* kept, at::Tensor& out) {
  const int64_t parts = num_parts(rows);
  const auto bounds = share_segments(rows.offsets, parts);
  const int64_t* offsets = rows.offsets.const_data_ptr<int64_t>();
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    TileGuard guard;
    ForwardPart<T> worker(rows, layers, kept, out);
    for (int64_t part = begin; part < end; ++part)
      for_each_tile(offsets, bounds[part], bounds[part + 1],
                    [&](int64_t row, int64_t count, int64_t segment) { worker.tile(row, count, segment); });
  });
}

template <class T>
void tiles_backward(const MlpRows& rows, const MlpLayers& layers, const MlpKept& kept, const at::Tensor& grad_out,
                    MlpGradients& gradients) {
  const int64_t parts = num_parts(rows);
  const auto bounds = share_segments(rows.offsets, parts);
  const int64_t* offsets = rows.offsets.const_data_ptr<int64_t>();
  std::vector<BackwardPart<T>> workers;
  workers.reserve(parts);
  for (int64_t part = 0; part < parts; ++part) workers.emplace_back(rows, layers, kept, grad_out, gradients.x);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    TileGuard guard;
    for (int64_t part = begin; part < end; ++part)
      for_each_tile(offsets, bounds[part], bounds[part + 1],
                    [&](int64_t row, int64_t count, int64_t segment) { workers[part].tile(row, count, segment); });
  });
  for (int64_t part = 1; part < parts; ++part)  // in order: the same sum whichever thread was first
    for (size_t i = 0; i < workers[0].weight.size(); ++i) {
      workers[0].weight[i].add_(workers[part].weight[i]);
      workers[0].bias[i].add_(workers[part].bias[i]);
    }
  gradients.weight = workers[0].weight;
  gradients.bias = workers[0].bias;
}

template void tiles_forward<float>(const MlpRows&, const MlpLayers&, const MlpKept*, at::Tensor&);
template void tiles_forward<double>(const MlpRows&, const MlpLayers&, const MlpKept*, at::Tensor&);
template void tiles_backward<float>(const MlpRows&, const MlpLayers&, const MlpKept&, const at::Tensor&, MlpGradients&);
template void tiles_backward<double>(const MlpRows&, const MlpLayers&, const MlpKept&, const at::Tensor&,
                                     MlpGradients&);

}  // namespace tev
