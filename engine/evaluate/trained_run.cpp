#include "engine/evaluate/trained_run.hpp"

#include "base/check.hpp"
#include "base/seed.hpp"
#include "engine/checkpoint/checkpoint.hpp"
#include "engine/evaluate/model_state.hpp"
#include "engine/record/run_directory.hpp"
#include "kernels/cuda_library.hpp"
#include "models/registry.hpp"

#include <ATen/Context.h>

namespace tev {
namespace {

/// A run may be used from another folder than it was trained in.
void make_absolute(std::vector<std::string>& patterns) {
  for (auto& pattern : patterns) pattern = std::filesystem::absolute(pattern).string();
}

}  // namespace

c10::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const bool cuda = has_cuda();
  TEV_CHECK_INPUT(cuda || name != "cuda", "train.device: cuda is not there (this program or this machine has no CUDA device). ",
                  "Use train.device=auto or cpu.");
  return cuda ? c10::Device(at::kCUDA, 0) : c10::Device(at::kCPU);
}

std::shared_ptr<Model> make_model(const RunConfig& config, const DataSpec& spec, c10::Device device) {
  at::manual_seed(seed_key(static_cast<uint64_t>(config.seed), SeedUse::weights));
  auto model = find_model(config.model.name).make_model(*config.model.options, spec);
  model->to(device);
  return model;
}

void resolve_open_keys(RunConfig& config, const DataSession& data) {
  for (auto* patterns : {&config.data.train, &config.data.val, &config.data.test, &config.data.files}) make_absolute(*patterns);
  config.train.device = choose_device(config.train.device).is_cuda() ? "cuda" : "cpu";
  if (config.data.shuffle_rows == 0) config.data.shuffle_rows = data.shuffle().shuffle_rows;
}

void prepare_inference(Model& model) {
  model.eval();
  model.to(at::kDouble);
}

TrainedRun open_trained_run(const std::filesystem::path& root, c10::Device device, Messages& messages) {
  TEV_CHECK_INPUT(run_state(root) != RunState::absent, root.string(), ": no run is there (expected a folder that `tevatrain train` ",
                  "wrote). Give its path.");
  TrainedRun run;
  run.paths.root = root;
  run.config = load_run_config(run.paths.config().string(), {});
  run.preprocess = std::make_shared<Preprocess>(raw_objects(run.config.data.objects), run.config.data.features,
                                                run.config.data.raw_features);
  run.spec = data_spec(*run.preprocess, run.config.data.label);
  run.model = make_model(run.config, run.spec, device);

  CheckpointStore store(run.paths.checkpoints(), messages, StoreAccess::read);
  const CheckpointData checkpoint = store.load_best();
  load_model_state(*run.model, checkpoint.parts.at("model"));
  const auto& constants = checkpoint.parts.at("preprocess");
  run.preprocess->load_state({constants.begin(), constants.end()});
  prepare_inference(*run.model);
  run.step = checkpoint.step;
  return run;
}

Split evaluated_split(const TrainedRun& run, const std::vector<std::string>& files) {
  const auto& data = run.config.data;
  const bool has_test = !files.empty() || !data.test.empty() || (!data.files.empty() && data.split.test > 0);
  return has_test ? Split::test : Split::val;
}

std::unique_ptr<DataSession> open_data(const TrainedRun& run, const std::vector<std::string>& files, Messages& messages,
                                       const std::vector<std::string>& columns) {
  DataConfig data = run.config.data;
  if (data.files.empty() || !files.empty()) {
    data.train.clear();
    if (!files.empty()) {
      data.test = files;
      data.files.clear();
    }
    if (!data.test.empty()) data.val.clear();
  }
  auto session = std::make_unique<DataSession>(data, static_cast<uint64_t>(run.config.seed), messages, columns);
  session->preprocess()->load_state(run.preprocess->state());
  return session;
}

}  // namespace tev
