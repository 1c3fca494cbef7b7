#pragma once
// Raw columns -> features -> standardised features: one TorchScript module, built from the configuration.

#include "base/batch.hpp"
#include "base/config_fields.hpp"
#include "base/data_spec.hpp"
#include "data/transform/feature_key.hpp"
#include "data/transform/raw_object.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace torch::jit {
struct Module;
}

namespace tev {

struct LabelConfig;
class Preprocess;

/// What a model, an objective and a report see of the data.
DataSpec data_spec(const Preprocess& preprocess, const LabelConfig& label);

/// "jets.h5: event 17" for an event of a block.
using EventName = std::function<std::string(int64_t event)>;

/// The features of a configuration, compiled, with the standardisation constants as buffers.
/// The stream runs it on its worker threads, the checkpoint saves its buffers, the export embeds its module: training
/// and serving cannot differ.
///
/// Names in the expression of a feature of a ragged object: its raw columns, its earlier features, then raw columns and
/// features of `event`, repeated for every row. In an expression of `event`: its raw columns and its earlier features;
/// raw columns of a ragged object only inside event_sum, event_mean, event_max, event_min or event_count. All features
/// of `event` are evaluated before those of other objects. A raw column hides a feature of the same name.
class Preprocess {
 public:
  /// @param objects   every object that is read; their order is the order of the module's inputs
  /// @param features  object -> name -> expression; the order of the names is the order of the columns
  /// @param raw_features  "<object>.<feature>" of those that are left as they are by the standardisation
  /// @param key  where an expression stands, for errors
  /// @throws InputError  naming the configuration key, for every mistake in an expression
  Preprocess(std::vector<RawObject> objects, const std::vector<std::pair<std::string, StringMap>>& features,
             const std::vector<std::string>& raw_features = {}, FeatureKey key = feature_key);
  ~Preprocess();
  Preprocess(const Preprocess&) = delete;
  Preprocess& operator=(const Preprocess&) = delete;

  /// The objects that have features, "event" first, then in the order of `objects`.
  const std::vector<ObjectSpec>& specs() const { return specs_; }
  const std::vector<RawObject>& objects() const { return objects_; }

  /// Features before standardisation; may be called from several threads at once.
  /// @param raw  one column set per object: event [B, J], ragged values [N, K] with offsets [B+1]; float32
  /// @param where  names an event of `raw` in an error
  /// @return     by object: [B, F] or ragged [N, F] with the offsets of `raw`; float32, contiguous, finite
  /// @throws InputError  a feature is NaN or infinite: the first such event, its key, expression and the number of rows
  Columns features(const Columns& raw, const EventName& where = {}) const;
  /// Features, standardised: (x - mean) / scale. Otherwise as `features`.
  Columns apply(const Columns& raw, const EventName& where = {}) const;

  /// Replaces the constants of one object; not while other threads run `apply`.
  /// @param mean   [F]
  /// @param scale  [F], none of them 0
  void set_standardisation(const std::string& object, const at::Tensor& mean, const at::Tensor& scale);
  /// The constants by buffer name: mean_<object>, scale_<object>, float32 [F].
  std::map<std::string, at::Tensor> state() const;
  /// @throws Error  a buffer is missing or has another width
  void load_state(const std::map<std::string, at::Tensor>& state);

  /// forward(raw tensors) -> List[Tensor], standardised, in the order of `specs`. Inputs: for every one of `objects` in
  /// order, values and offsets if ragged, else values. Method `features` gives the same before standardisation.
  torch::jit::Module& module();

 private:
  Columns run(const char* method, const Columns& raw, const EventName& where) const;
  void check_finite(const ObjectSpec& spec, const Column& column, const EventName& where) const;

  FeatureKey key_;
  std::vector<RawObject> objects_;
  std::vector<ObjectSpec> specs_;
  std::map<std::string, StringMap> expressions_;
  std::unique_ptr<torch::jit::Module> module_;
};

}  // namespace tev
