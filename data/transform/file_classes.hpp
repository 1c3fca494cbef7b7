#pragma once

#include "data/label_config.hpp"

namespace tev {

/// The class of every file by data.label.files; empty where a field says the class.
/// @throws InputError  a file that fits no class, or two
std::vector<int64_t> file_classes(const LabelConfig& config, const std::vector<std::string>& paths);

}  // namespace tev
