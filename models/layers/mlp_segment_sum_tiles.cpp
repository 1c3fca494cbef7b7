#include "models/layers/mlp_segment_sum_tiles.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <bit>
#include <type_traits>

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

// h = relu(h + b). Written so that NaN stays NaN, as in ATen.
template <class T>
void add_bias_relu(T* __restrict h, const T* __restrict bias, int64_t rows, int64_t width) {
  for (int64_t n = 0; n < rows; ++n, h += width)
    for (int64_t c = 0; c < width; ++c) {
      const T v = h[c] + bias[c];
      h[c] = v < 0 ? T(0) : v;
    }
}

template <class T>
void add_row(T* __restrict out, const T* __restrict y, const T* __restrict bias, T z, int64_t width) {
  for (int64_t c = 0; c < width; ++c) {
    const T v = y[c] + bias[c];
    out[c] += z * (v < 0 ? T(0) : v);
  }
}

template <class T>
void note_sign(uint8_t* __restrict is_on, const T* __restrict y, const T* __restrict bias, int64_t width) {
  for (int64_t c = 0; c < width; ++c) is_on[c] = y[c] + bias[c] <= 0 ? 0 : 255;
}

// gradient = is_on ? z grad_out : 0 by a bit mask, which vectorises; column sums on the way.
template <class T>
void masked_row(T* __restrict gradient, T* __restrict column_sum, const uint8_t* __restrict is_on,
                const T* __restrict grad_out, T z, int64_t width) {
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  for (int64_t c = 0; c < width; ++c) {
    const Bits mask = static_cast<int8_t>(is_on[c]);
    const T v = std::bit_cast<T>(std::bit_cast<Bits>(z * grad_out[c]) & mask);
    gradient[c] = v;
    column_sum[c] += v;
  }
}

template <class T>
void mask_by_value(T* __restrict gradient, T* __restrict column_sum, const T* __restrict h, int64_t rows,
                   int64_t width) {
  for (int64_t n = 0; n < rows; ++n, gradient += width, h += width)
    for (int64_t c = 0; c < width; ++c) {
      gradient[c] = h[c] <= 0 ? T(0) : gradient[c];
      column_sum[c] += gradient[c];
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
        add_bias_relu(output.mutable_data_ptr<T>(), layers_.bias[i].template const_data_ptr<T>(), count,
                      output.size(1));
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
    uint8_t* is_on = kept_ ? kept_->last_is_on.template mutable_data_ptr<uint8_t>() : nullptr;
    for (int64_t n = row; n < row + count; ++n, values += width) {
      while (offsets[segment + 1] <= n) ++segment;
      add_row(out_ + segment * width, values, bias, z ? z[n] : T(1), width);
      if (is_on) note_sign(is_on + n * width, values, bias, width);
    }
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
      mask_by_value(below.mutable_data_ptr<T>(), column_sum_[i - 1].data(), input.const_data_ptr<T>(), count,
                    below.size(1));
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
    const uint8_t* is_on = kept_.last_is_on.template const_data_ptr<uint8_t>();
    T* values = gradient.mutable_data_ptr<T>();
    for (int64_t n = row; n < row + count; ++n, values += width) {
      while (offsets[segment + 1] <= n) ++segment;
      masked_row(values, column_sum_.back().data(), is_on + n * width, grad_out + segment * width, z ? z[n] : T(1),
                 width);
    }
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
