#pragma once
// Voxels of events in canonical order: by event, then x, y, z.

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"

namespace tev {

/// What happens to rows with equal coordinates.
enum class Duplicates { error, first, sum, mean };

/// The voxels of N rows of coordinates. Inside, everything is in canonical order, which does not depend on the order of the rows;
/// `to_voxels` takes features there, `keys.index_select(0, inverse)`-like selections take results back to the caller's rows.
struct VoxelIndex {
  at::Tensor keys;     ///< [M] int64, rising: 16 bits each for event, x, y, z
  at::Tensor order;    ///< [N] int64, the caller's rows in canonical order; rows of one voxel stay in the caller's order
  at::Tensor offsets;  ///< [M+1] int64, voxel v has the rows order[offsets[v]:offsets[v+1]]
  at::Tensor inverse;  ///< [N] int64, the voxel of each of the caller's rows
};

/// Two rows of coords are one voxel, under Duplicates::error.
class DuplicateVoxel : public Error {
 public:
  DuplicateVoxel(const std::string& message, int64_t first_row) : Error(message), row(first_row) {}
  int64_t row;  ///< the first of them
};

/// @param coords  [N, 4] int32 (event, x, y, z), any order, any strides, CPU or CUDA. Events are 0 to 65535 (some may have no voxel),
///                x, y, z -32768 to 32767. N may be 0, and is below 2^31
/// @throws        tev::Error naming the first row out of range, DuplicateVoxel
/// @stream        current stream; synchronises, as the number of voxels has to be known
VoxelIndex voxel_index(const at::Tensor& coords, Duplicates duplicates = Duplicates::error);

/// Features of the caller's rows as features of voxels: the first row of a voxel, or the sum or mean of its rows (segment_reduce).
/// @param x  [N, ...] f16|bf16|f32|f64
/// @return   [M, ...]
/// @throws   tev::Error on a wrong number of rows
at::Tensor to_voxels(const at::Tensor& x, const VoxelIndex& index, Duplicates duplicates = Duplicates::error);

/// The coordinates of keys.
/// @param keys  [M] int64
/// @return      [M, 4] int32
at::Tensor voxel_coords(const at::Tensor& keys);

/// Where the voxels of each event begin: offsets of segment_reduce for whole events, events without a voxel included.
/// @param keys        [M] int64, rising
/// @param num_events  of the batch, 0 to 65536
/// @return            [num_events + 1] int64
/// @throws            tev::Error on wrong shapes or dtypes; on the CPU also for keys that fall or are of events that are not in the batch. On CUDA
///                    and in the portable form values are not read back: voxels of later events count as those of the last
/// @stream            current stream; does not synchronise
at::Tensor event_offsets(const at::Tensor& keys, int64_t num_events);

/// The portable form of voxel_index. What is traced raises an error, that of ATen's assertion, for coordinates out of range and, under
/// Duplicates::error, for two rows of one voxel.
VoxelIndex voxel_index_portable(const at::Tensor& coords, Duplicates duplicates);

/// The portable form of event_offsets.
/// @param of_events  [num_events] of anything: a number would be baked into what is traced
at::Tensor event_offsets_portable(const at::Tensor& keys, const at::Tensor& of_events);

/// "error", "first", "sum", "mean".
const std::vector<std::string>& duplicates_names();
/// @throws tev::Error for any other name
Duplicates duplicates_from(std::string_view name);

}  // namespace tev
