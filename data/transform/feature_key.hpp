#pragma once

#include <string>

namespace tev {

/// The configuration key of an expression, for errors.
using FeatureKey = std::string (*)(const std::string& object, const std::string& feature);

/// "data.features.<object>.<feature>".
inline std::string feature_key(const std::string& object, const std::string& feature) { return "data.features." + object + "." + feature; }

}  // namespace tev
