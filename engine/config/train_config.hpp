#pragma once
// The `train` section of a configuration.

#include "base/config_fields.hpp"

namespace tev {

struct TrainConfig {
  int64_t epochs = 10;
  int64_t batch_size = 500;
  std::string device = "auto";
  std::string precision = "fp32";
  int64_t accumulate = 1;
  int64_t validate_every = 1;
  std::string monitor = "loss";
  int64_t early_stopping = 0;
  int64_t log_every = 20;
  int64_t threads = 0;
  int64_t checkpoint_every = 0;
  double checkpoint_seconds = 0;
  int64_t keep_last = 2;

  void declare(Fields& fields) {
    fields.add("epochs", epochs,
               "Passes over the training events; may grow when a run continues if neither the schedule nor the epochs of validation depend on them")
        .at_least(1);
    fields.add("batch_size", batch_size, "Events of one step, before data.select leaves some out").at_least(1).unit("events");
    fields.add("device", device, "Where the network runs; auto: a GPU if there is one. Devices round differently, so a run keeps its own")
        .one_of({"auto", "cpu", "cuda"});
    fields.add("precision", precision, "Number type of the matrix products; weights, losses and sums stay fp32")
        .one_of({"fp32", "bf16"});
    fields.add("accumulate", accumulate, "Batches whose gradients make one step of the optimizer")
        .at_least(1).unit("batches");
    fields.add("validate_every", validate_every,
               "Epochs from one validation to the next; the last epoch always has one")
        .at_least(1).unit("epochs");
    fields.add("monitor", monitor, "Metric of the validation events that chooses the best checkpoint and stops early")
        .one_of({"loss", "accuracy", "auc", "mean_iou"});
    fields.add("early_stopping", early_stopping,
               "Validations in a row without a better value that end the training; 0: never")
        .at_least(0).unit("validations");
    // Physics, although no weight depends on it: the lines of metrics.jsonl are a result, equal after any interruption.
    fields.add("log_every", log_every, "Steps from one training line of metrics.jsonl to the next")
        .at_least(1).unit("steps");
    fields.add("threads", threads,
               "Threads of the matrix products on the CPU; 0: as many as cores. Another number may change the last bits")
        .at_least(0).performance();
    fields.add("checkpoint_every", checkpoint_every,
               "Steps from one checkpoint to the next; 0: at the end of each epoch")
        .at_least(0).unit("steps").performance();
    fields.add("checkpoint_seconds", checkpoint_seconds,
               "Also a checkpoint when the last one is this old; 0: not by time")
        .at_least(0).unit("s").performance();
    fields.add("keep_last", keep_last, "Newest checkpoints that are kept beside the best one")
        .at_least(1).performance();
  }
};

}  // namespace tev
