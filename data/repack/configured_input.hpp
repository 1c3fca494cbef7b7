#pragma once
// What a configuration reads, as columns: any layout becomes flat rows with extents.

#include "data/data_config.hpp"
#include "data/repack/repack_input.hpp"

namespace tev {

/// Ragged objects as NAME/values [rows, columns] float32 with NAME/extents, `event` [events, columns], the class as `label` int64, the
/// weight as `weight`, observers under their names. Rows that `valid` drops and events that `select` drops are not there.
/// @param config     its files are read as data.train
/// @param observers  data/stream/observers.hpp
std::unique_ptr<RepackInput> open_configured_input(DataConfig config, const std::vector<std::string>& files, const std::vector<std::string>& observers,
                                                   const RepackOrder& order, const RepackResources& resources, Messages& messages);

/// The data section that reads the output, as YAML: without features, which stay as they are.
std::string data_section(const DataConfig& config, const std::string& files);

}  // namespace tev
