// Trains a small network with every optimizer and schedule and writes what step_parity.py replays in PyTorch.
//   step_parity_run FOLDER -> FOLDER/start.safetensors (weights, data), FOLDER/cases.json (keys, losses, rates)

#include "engine/checkpoint/safetensors.hpp"
#include "engine/optimizer/gradient_clip.hpp"
#include "engine/optimizer/optimizer.hpp"
#include "engine/optimizer/schedule.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tanh.h>
#include <c10/util/accumulate.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>

namespace {

using nlohmann::json;
using tev::NamedTensors;

constexpr int64_t num_steps = 200, steps_per_epoch = 20, batch_size = 32;

/// The values of a configuration struct, key by key.
template <class Config>
json values_of(Config config) {
  json values;
  const tev::Fields fields = tev::Fields::of(config);
  for (const tev::Field& field : fields.list()) {
    if (auto* number = std::get_if<double*>(&field.target)) values[field.key] = **number;
    if (auto* number = std::get_if<int64_t*>(&field.target)) values[field.key] = **number;
    if (auto* text = std::get_if<std::string*>(&field.target)) values[field.key] = **text;
    if (auto* flag = std::get_if<bool*>(&field.target)) values[field.key] = **flag;
  }
  return values;
}

std::vector<tev::OptimizerConfig> optimizers() {
  tev::OptimizerConfig plain, momentum, nesterov, adam, adamw;
  plain.name = momentum.name = nesterov.name = "sgd";
  plain.lr = 0.1;
  momentum.lr = nesterov.lr = 0.02;
  momentum.momentum = 0.8;
  momentum.final_momentum = 0.95;
  momentum.momentum_epochs = 6;
  nesterov.momentum = 0.9;
  nesterov.nesterov = true;
  nesterov.weight_decay = 1e-3;
  adam.lr = adamw.lr = 3e-3;
  adam.weight_decay = 1e-3;
  adamw.name = "adamw";
  adamw.weight_decay = 0.05;
  adamw.clip_norm = 0.3;
  return {plain, momentum, nesterov, adam, adamw};
}

std::vector<tev::ScheduleConfig> schedules() {
  std::vector<tev::ScheduleConfig> all(7);
  const char* names[] = {"constant", "step", "exponential", "exponential", "cosine", "cosine", "one_cycle"};
  for (size_t i = 0; i < all.size(); ++i) all[i].name = names[i];
  all[0].warmup_steps = 30;
  all[1].gamma = 0.5;
  all[1].step_epochs = 3;
  all[2].gamma = 0.99;
  all[2].floor = 1e-3;
  all[3].gamma = 0.8;
  all[3].interval = "epoch";
  all[4].warmup_steps = 25;
  all[5].interval = "epoch";
  all[5].floor = 1e-4;
  return all;
}

/// Numbers between -scale and scale that look random.
at::Tensor scattered(at::IntArrayRef shape, double scale, double phase) {
  const at::Tensor index = at::arange(c10::multiply_integers(shape), at::kDouble).add(phase);
  return at::sin(index.mul(index).mul(0.37)).mul(scale).to(at::kFloat).view(shape);
}

NamedTensors make_start() {
  return {{"w0", scattered({16, 8}, 0.6, 1)}, {"b0", scattered({16}, 0.6, 2)}, {"w1", scattered({3, 16}, 0.4, 3)},
          {"b1", scattered({3}, 0.4, 4)},     {"x", scattered({steps_per_epoch * batch_size, 8}, 1.7, 5)}};
}

at::Tensor loss_of(const NamedTensors& parameters, const at::Tensor& x, const at::Tensor& label) {
  const at::Tensor hidden = at::tanh(at::linear(x, parameters[0].second, parameters[1].second));
  return at::cross_entropy_loss(at::linear(hidden, parameters[2].second, parameters[3].second), label);
}

json run(const tev::OptimizerConfig& optimizer_config, const tev::ScheduleConfig& schedule_config,
         const NamedTensors& start) {
  NamedTensors parameters;
  for (size_t i = 0; i < 4; ++i)
    parameters.emplace_back(start[i].first, start[i].second.clone().set_requires_grad(true));
  const at::Tensor x = start[4].second;
  const at::Tensor label = x.slice(1, 0, 3).argmax(1);
  const auto optimizer = tev::make_optimizer(optimizer_config, parameters);
  const tev::Schedule schedule(schedule_config, optimizer_config, {steps_per_epoch, num_steps});
  json losses, rates;
  for (int64_t step = 0; step < num_steps; ++step) {
    const int64_t begin = step % steps_per_epoch * batch_size;
    optimizer->zero_grad();
    const at::Tensor loss =
        loss_of(parameters, x.slice(0, begin, begin + batch_size), label.slice(0, begin, begin + batch_size));
    loss.backward();
    if (optimizer_config.clip_norm > 0) tev::clip_gradients(parameters, tev::gradient_norm(parameters), optimizer_config.clip_norm);
    optimizer->step(schedule.lr(step), schedule.momentum(step));
    losses.push_back(loss.item<float>());
    rates.push_back({schedule.lr(step), schedule.momentum(step)});
  }
  return {{"optimizer", values_of(optimizer_config)}, {"schedule", values_of(schedule_config)}, {"losses", losses},
          {"rates", rates}};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  at::set_num_threads(1);  // as step_parity.py
  const std::filesystem::path folder = argv[1];
  const NamedTensors start = make_start();
  tev::write_safetensors(folder / "start.safetensors", start);
  json all = {{"steps_per_epoch", steps_per_epoch}, {"batch_size", batch_size}, {"cases", json::array()}};
  for (const auto& optimizer : optimizers())
    for (auto schedule : schedules()) {
      if (optimizer.name == "sgd") schedule.cycle_momentum = optimizer.momentum > 0 && optimizer.momentum_epochs == 0;
      all["cases"].push_back(run(optimizer, schedule, start));
    }
  std::ofstream(folder / "cases.json") << all.dump();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
