#pragma once
// The legend of shape suffixes used for tensors in models and tests (feats_NC is a tensor of shape [N, C]):
//
//   B events of a batch              M output rows              K taps of a convolution
//   N rows of the whole batch        E edges                    C channels (Ci in, Co out)
//     (particles, hits, voxels)      P kernel-map pairs         H attention heads
//
// In kernels plain names are used, with the shape in a comment where they are declared.
