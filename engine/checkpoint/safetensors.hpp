#pragma once
// Tensors in a file that every framework reads: the safetensors layout.

#include "base/named_tensors.hpp"
#include "engine/checkpoint/durable_file.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace tev {

/// Free text that travels with the tensors.
using TensorMetadata = std::map<std::string, std::string>;

/// The content of one file.
struct SafetensorsContent {
  NamedTensors tensors;  ///< in the order of the file; own memory, contiguous, CPU
  TensorMetadata metadata;
};

/// Writes tensors and forces them to the disk. The layout: u64 length of the header, a JSON header (name -> dtype,
/// shape, begin and end in the data), the data. Wide types come first: every tensor is aligned when the file is mapped.
/// @param tensors  f64 f32 f16 bf16 i64 i32 u8 bool of any shape and device, dense strided; unique names
/// @throws Error   another dtype, a name twice, or the system's reason for not writing
FileStamp write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                            const TensorMetadata& metadata = {});

/// Reads a file made by anybody; everything is checked before a tensor is made.
/// @throws Error  naming the file, the tensor and what is wrong with it
SafetensorsContent read_safetensors(const std::filesystem::path& path);

/// The same from bytes in memory. @param where  what messages call the bytes
SafetensorsContent parse_safetensors(std::string_view bytes, const std::string& where);

}  // namespace tev
