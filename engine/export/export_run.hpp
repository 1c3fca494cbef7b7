#pragma once
// `tevatrain export`: the deliverable of a run, with the proof that it is the trained model.

#include "engine/evaluate/trained_run.hpp"
#include "engine/export/traced_network.hpp"

namespace tev {

struct ExportReport {
  std::filesystem::path model;   ///< model.pt, or model_fused.pt
  double max_difference = 0;     ///< of probabilities, over all events and batch sizes tried
  int64_t events = 0;            ///< that were compared
};

/// Writes into RUN/export: model.pt (exported_model.hpp), preprocessing.json (columns, expressions and constants for people
/// and other frameworks), parity_sample.h5 and parity.json. The names of the fused form end in _fused.
///
/// Parity: raw columns of events of the run's data, and events of 0, 1 and 200 rows cut from them, are scored by the model
/// in this process with our operators, and by model.pt in a plain Python process, without our library where it is portable, in batches of 1, 7
/// and 500 and in the padded form.
/// @param files  events to compare on; empty: those of the run's test split
/// @throws Error  parity above 1e-6; the files are left for inspection
ExportReport export_run(const std::filesystem::path& root, const std::vector<std::string>& files, ExportForm form, Messages& messages);

}  // namespace tev
