#include "engine/evaluate/predictions.hpp"

#include <algorithm>

namespace tev {

const std::vector<std::string>& PredictionWriter::datasets() {
  static const std::vector<std::string> names{"scores", "label", "weight", "sample_id", "class_names"};
  return names;
}

PredictionWriter::PredictionWriter(CatalogThread& thread, const std::string& path, const DataSpec& spec, int64_t signal)
    : thread_(thread), spec_(spec) {
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
    if (batch.label_offsets.defined()) append_rows(batch);
    for (const auto& [name, values] : batch.observers) writer_->append(name, values);
  });
}

void PredictionWriter::append_rows(const Batch& batch) {
  writer_->append("offsets", batch.label_offsets.slice(0, begun_ ? 1 : 0).add(num_rows_));
  num_rows_ += batch.label.size(0);
  begun_ = true;
  const ObjectSpec* object = spec_.find(spec_.label_object);
  if (object == nullptr) return;
  for (size_t i = 0; i < object->features.size(); ++i) {
    const std::string& name = object->features[i];
    if (std::find(object->raw_features.begin(), object->raw_features.end(), name) == object->raw_features.end()) continue;
    writer_->append("inputs/" + name, batch.inputs.at(object->name).values.select(1, static_cast<int64_t>(i)).contiguous());
  }
}

void PredictionWriter::close() {
  thread_.run([this] { writer_->close(); });
}

}  // namespace tev
