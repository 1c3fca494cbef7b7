#pragma once
// Scores of events as an HDF5 file.

#include "base/data_spec.hpp"
#include "data/stream/data_session.hpp"
#include "data/write/h5_writer.hpp"

namespace tev {

/// Writes /scores [N, classes] f4, /label [N] i8, /weight [N] f4, /sample_id [N] i8, /class_names, and /<name> [N] or [N, K]
/// for every observer, as it is stored (f4, f8 or i8); the attribute `signal` of the file is the index of the signal class.
///
/// Where the rows of an object have classes, scores, label and weight have a row for each of them; /offsets [N+1] i8 says which belong to an event, and
/// /inputs/<feature> [rows] f4 are the features of the object that are not standardised, such as coordinates.
class PredictionWriter {
 public:
  /// Datasets that every such file has.
  static const std::vector<std::string>& datasets();

  PredictionWriter(CatalogThread& thread, const std::string& path, const DataSpec& spec, int64_t signal);
  ~PredictionWriter();
  void append(const Batch& batch, const at::Tensor& probabilities);
  /// Puts the file in place. Without it nothing is left behind.
  void close();

 private:
  void append_rows(const Batch& batch);

  CatalogThread& thread_;
  const DataSpec spec_;
  int64_t num_rows_ = 0;  ///< written so far
  bool begun_ = false;
  std::unique_ptr<H5Writer> writer_;
};

}  // namespace tev
