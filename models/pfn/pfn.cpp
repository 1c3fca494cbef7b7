#include "models/pfn/pfn.hpp"

#include "models/inputs.hpp"

namespace tev {

PfnImpl::PfnImpl(const PfnOptions& options, const DataSpec& spec)
    : object_(ragged_object(spec, options.object)), use_event_(options.use_event) {
  if (use_event_) event_ = event_object(spec, "model.use_event");
  const auto row_width = static_cast<int64_t>(object_.features.size());
  const auto event_width = static_cast<int64_t>(event_.features.size());
  net_ = register_module("net", DeepSet(options, row_width, event_width, class_count(spec)));
}

at::Tensor PfnImpl::forward(const Columns& inputs) {
  const Column& rows = column_of(inputs, object_);
  const at::Tensor event_BC = use_event_ ? column_of(inputs, event_).values : at::Tensor();
  return net_->forward(rows.values, rows.offsets, at::Tensor(), event_BC);
}

}  // namespace tev
