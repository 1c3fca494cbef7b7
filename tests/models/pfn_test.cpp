#include "models/pfn/pfn.hpp"

#include "base/check.hpp"
#include "tests/models/ragged_batch.hpp"
#include "tests/models/trace_model.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

const DataSpec jets{{{"event", false, {"jet_pt", "jet_mass"}, {}}, {"part", true, {"log_pt", "eta", "phi"}, {}}},
                    {"QCD", "top"}};

Columns with_event(const std::vector<at::Tensor>& inputs) {
  return {{"part", {inputs[0], inputs[1]}}, {"event", {inputs[2], {}}}};
}

std::vector<at::Tensor> batch(const std::vector<int64_t>& lengths) {
  const RaggedBatch rows = ragged_batch(lengths, 3);
  return {rows.values_NC, rows.offsets, at::randn({static_cast<int64_t>(lengths.size()), 2})};
}

PfnOptions small() {
  PfnOptions options;
  options.phi = {8, 6};
  options.f = {5};
  return options;
}

TEST(Pfn, HasTheParametersOfThePublishedNetwork) {
  const DataSpec seven{{{"part", true, {"a", "b", "c", "d", "e", "f", "g"}, {}}}, {"QCD", "top"}};
  int64_t count = 0;
  for (const auto& parameter : PfnImpl(PfnOptions(), seven).parameters()) count += parameter.numel();
  const int64_t phi = 7 * 100 + 100 + 100 * 100 + 100 + 100 * 256 + 256;
  const int64_t f = 256 * 100 + 100 + 2 * (100 * 100 + 100) + 100 * 2 + 2;
  EXPECT_EQ(count, phi + f);
}

TEST(Pfn, DoesNotDependOnTheOrderOfConstituents) {
  at::manual_seed(2);
  PfnImpl pfn(small(), jets);
  const auto inputs = batch({5, 3});
  const at::Tensor swapped = inputs[0].index_select(0, at::tensor({4, 2, 0, 1, 3, 7, 6, 5}, at::kLong));
  EXPECT_TRUE(at::allclose(pfn.forward(with_event(inputs)), pfn.forward(with_event({swapped, inputs[1], inputs[2]})),
                           1e-5, 1e-6));
}

TEST(Pfn, GivesEachEventWhatItGivesItAlone) {
  at::manual_seed(2);
  PfnImpl pfn(small(), jets);
  const auto inputs = batch({5, 0, 3});
  const at::Tensor logits = pfn.forward(with_event(inputs));
  const at::Tensor last = pfn.forward(with_event({inputs[0].slice(0, 5), at::tensor({0, 3}, at::kLong), inputs[2]}));
  EXPECT_TRUE(at::allclose(logits[2], last[0], 1e-5, 1e-6));
  const at::Tensor none = pfn.forward(with_event({inputs[0].slice(0, 0, 0), at::tensor({0, 0}, at::kLong), inputs[2]}));
  EXPECT_TRUE(at::allclose(logits[1], none[0], 1e-5, 1e-6));
}

TEST(Pfn, ReadsTheEventOnlyWhenAsked) {
  at::manual_seed(2);
  PfnOptions options = small();
  PfnImpl without(options, jets);
  options.use_event = true;
  PfnImpl with(options, jets);
  auto inputs = batch({5, 3});
  const at::Tensor before = without.forward(with_event(inputs)), before_with = with.forward(with_event(inputs));
  inputs[2] = inputs[2] + 1;
  EXPECT_TRUE(at::equal(before, without.forward(with_event(inputs))));
  EXPECT_FALSE(at::allclose(before_with, with.forward(with_event(inputs))));
}

TEST(Pfn, IsTheSameWithOtherActivationsAndInDouble) {
  // Only ReLU in f32 and f64 takes the fused layer: the others must run too, forward and backward.
  for (const auto& activation : activation_names()) {
    at::manual_seed(2);
    PfnOptions options = small();
    options.activation = activation;
    PfnImpl pfn(options, jets);
    pfn.forward(with_event(batch({5, 0, 3}))).sum().backward();
    for (const auto& parameter : pfn.named_parameters())
      EXPECT_TRUE(parameter.value().grad().defined() && parameter.value().grad().isfinite().all().item<bool>())
          << activation << " " << parameter.key();
  }
}

TEST(Pfn, TracesForOtherBatchSizesAndLengths) {
  at::manual_seed(2);
  PfnOptions options = small();
  options.use_event = true;
  PfnImpl pfn(options, jets);
  expect_trace_agrees(pfn, batch({4, 1, 6}),
                      {batch({4, 1, 6}), batch({2}), batch({0, 0}), batch({200, 0, 1, 7, 30}), batch({})}, with_event, "tev::segment_reduce");
}

TEST(Pfn, DropsOutInTrainingOnly) {
  at::manual_seed(2);
  PfnOptions options = small();
  options.latent_dropout = 0.5;
  PfnImpl pfn(options, jets);
  const auto inputs = batch({5, 3});
  EXPECT_FALSE(at::equal(pfn.forward(with_event(inputs)), pfn.forward(with_event(inputs))));
  pfn.eval();
  EXPECT_TRUE(at::equal(pfn.forward(with_event(inputs)), pfn.forward(with_event(inputs))));
}

TEST(Pfn, SaysWhichObjectIsMissing) {
  const auto message = [](const PfnOptions& options, const DataSpec& spec) {
    return test::error_of<InputError>([&] { PfnImpl(options, spec); });
  };
  PfnOptions options;
  options.object = "prat";
  EXPECT_EQ(message(options, jets),
            "model.object: no object 'prat' with rows has features (objects: part). Did you mean 'part'?");
  DataSpec two = jets;
  two.objects.push_back({"track", true, {"d0"}, {}});
  EXPECT_EQ(message({}, two),
            "model.object: not given, and several objects have rows (part, track). Name one of them.");
  EXPECT_EQ(message({}, {{}, {"QCD", "top"}}).find("data.features: no object with rows"), 0u);
  EXPECT_EQ(message({}, {jets.objects, {"QCD"}}).find("data.label.classes: 1 classes"), 0u);
  options = {};
  options.phi = {10, 0};
  EXPECT_EQ(message(options, jets).find("model.phi: layer 2 has width 0"), 0u);
}

TEST(Pfn, RefusesAColumnOfAnotherWidth) {
  PfnImpl pfn(small(), jets);
  const RaggedBatch rows = ragged_batch({2}, 4);
  EXPECT_THROW(pfn.forward({{"part", {rows.values_NC, rows.offsets}}}), Error);
  EXPECT_THROW(pfn.forward({}), Error);
}

}  // namespace
}  // namespace tev
