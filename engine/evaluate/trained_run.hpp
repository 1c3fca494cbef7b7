#pragma once
// A run directory opened for use: its configuration, its best weights, its preprocessing.

#include "base/messages.hpp"
#include "engine/config/run_config.hpp"
#include "engine/record/run_paths.hpp"
#include "data/stream/data_session.hpp"
#include "models/model.hpp"

namespace tev {

struct TrainedRun {
  RunConfig config;
  RunPaths paths;
  DataSpec spec;
  std::shared_ptr<Preprocess> preprocess;  ///< with the constants of the training
  std::shared_ptr<Model> model;            ///< best weights (the newest where there was no validation), for inference
  int64_t step = 0;                        ///< of these weights
};

/// @param device  where the model is put
/// @throws InputError  no run there; Error  no checkpoint yet or a damaged one
TrainedRun open_trained_run(const std::filesystem::path& root, c10::Device device, Messages& messages);

/// The data of the run's test split, or of other files of the same layout, with the constants of the training.
/// @param files    empty: data.test of the run, or data.val where there is none
/// @param columns  what batches carry along besides
std::unique_ptr<DataSession> open_data(const TrainedRun& run, const std::vector<std::string>& files, Messages& messages,
                                       const std::vector<std::string>& columns = {});

/// Which split open_data() reads: test, or val where the run has no test files.
Split evaluated_split(const TrainedRun& run, const std::vector<std::string>& files);

/// "auto", "cpu" or "cuda" as a device.
/// @throws InputError  cuda where there is none
c10::Device choose_device(const std::string& name);

/// Replaces what the configuration leaves to the machine, the data and the place: train.device=auto, data.shuffle_rows=0, relative
/// paths of files.
void resolve_open_keys(RunConfig& config, const DataSession& data);

/// Puts a trained model into evaluation mode and float64. Sums over hundreds of constituents cancel: in float32 the
/// probabilities of one jet differ by 1e-5 between batch sizes, in float64 an exported model agrees to 1e-6 in every one.
void prepare_inference(Model& model);

/// A model as the configuration describes it, with weights drawn from the seed.
std::shared_ptr<Model> make_model(const RunConfig& config, const DataSpec& spec, c10::Device device);

}  // namespace tev
