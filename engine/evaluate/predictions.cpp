#include "engine/evaluate/predictions.hpp"

namespace tev {

const std::vector<std::string>& PredictionWriter::datasets() {
  static const std::vector<std::string> names{"scores", "label", "weight", "sample_id", "class_names"};
  return names;
}

PredictionWriter::PredictionWriter(CatalogThread& thread, const std::string& path, const DataSpec& spec, int64_t signal)
    : thread_(thread) {
  thread_.run([&] {
    writer_ = std::make_unique<H5Writer>(path);
    writer_->append("class_names", spec.classes);
    writer_->set_attribute("/", "signal", signal);
  });
}

PredictionWriter::~PredictionWriter() {
  thread_.run([this] { writer_.reset(); });
}

void PredictionWriter::append(const Batch& batch, const at::Tensor& probabilities) {
  thread_.run([&] {
    writer_->append("scores", probabilities.contiguous());
    writer_->append("label", batch.label);
    writer_->append("weight", batch.weight);
    writer_->append("sample_id", batch.sample_id);
    for (const auto& [name, values] : batch.observers) writer_->append(name, values);
  });
}

void PredictionWriter::close() {
  thread_.run([this] { writer_->close(); });
}

}  // namespace tev
