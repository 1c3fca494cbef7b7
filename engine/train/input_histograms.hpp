#pragma once
// Distributions of the model's inputs by class, for the report.

#include "data/stream/data_session.hpp"

#include <filesystem>

namespace tev {

/// Writes {"classes": [...], "features": [{"object", "name", "low", "high", "counts": [[...] for each class]}]}: weighted
/// counts in 50 bins over five scales around the mean, from the first 20,000 events of the training split.
void write_input_histograms(const std::filesystem::path& path, DataSession& data, const TrainingSummary& summary);

}  // namespace tev
