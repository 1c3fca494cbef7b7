#pragma once
// The loops of mlp_segment_sum: threads take runs of segments, each works through tiles of rows.

#include <ATen/core/Tensor.h>

#include <vector>

namespace tev {

struct MlpLayers {
  std::vector<at::Tensor> weight;  ///< [C_l, C_{l-1}]
  std::vector<at::Tensor> bias;    ///< [C_l]
  std::vector<int64_t> widths() const {
    std::vector<int64_t> widths;
    for (const auto& w : weight) widths.push_back(w.size(0));
    return widths;
  }
};

struct MlpRows {
  at::Tensor x;        ///< [N, C]
  at::Tensor offsets;  ///< [B+1] int64
  at::Tensor z;        ///< [N] or undefined
};

/// What the backward pass needs beside the inputs.
struct MlpKept {
  at::Tensor last_is_on;           ///< [N, C_L] uint8: 255 where the last ReLU lets the gradient pass
  std::vector<at::Tensor> hidden;  ///< [N, C_l] for l < L
};

struct MlpGradients {
  at::Tensor x;  ///< defined where it is wanted
  std::vector<at::Tensor> weight, bias;
};

MlpKept make_kept(const MlpRows& rows, const MlpLayers& layers);

/// @param kept  filled for the backward pass, or nullptr when there will be none
/// @param out   [B, C_L], zeros on entry
template <class T>
void tiles_forward(const MlpRows& rows, const MlpLayers& layers, const MlpKept* kept, at::Tensor& out);

/// Fills the gradients of weights and biases, and that of x where gradients.x is defined.
template <class T>
void tiles_backward(const MlpRows& rows, const MlpLayers& layers, const MlpKept& kept, const at::Tensor& grad_out,
                    MlpGradients& gradients);

}  // namespace tev
