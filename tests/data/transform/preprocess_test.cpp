#include "data/transform/preprocess.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <set>
#include <sstream>
#include <thread>

namespace tev {
namespace {

const RawObject part{"part", true, {"E", "px", "py", "pz"}};

/// The features of configs/top/pfn.yaml.
const std::vector<std::pair<std::string, StringMap>> top_features = {
    {"event",
     {{"jet_px", "event_sum(px)"},
      {"jet_py", "event_sum(py)"},
      {"jet_pz", "event_sum(pz)"},
      {"jet_E", "event_sum(E)"}}},
    {"part",
     {{"log_pt", "log(hypot(px, py))"},
      {"log_ptrel", "log(hypot(px, py) / hypot(jet_px, jet_py))"},
      {"log_E", "log(E)"},
      {"log_Erel", "log(E / jet_E)"},
      {"delta_eta", "eta(px, py, pz) - eta(jet_px, jet_py, jet_pz)"},
      {"delta_phi", "delta_phi(phi(px, py), phi(jet_px, jet_py))"},
      {"delta_r", "hypot(delta_eta, delta_phi)"}}}};

at::Tensor longs(std::vector<int64_t> values) { return at::tensor(values, at::kLong); }
at::Tensor rows(const std::vector<float>& values, int64_t width) {
  return at::tensor(values, at::kFloat).view({-1, width});
}

/// Jets of 0 to 60 massive constituents; event 0 and the last one are empty.
Column random_jets(int64_t num_events) {
  std::vector<int64_t> offsets = {0};
  for (int64_t i = 0; i < num_events; ++i)
    offsets.push_back(offsets.back() + (i == 0 || i + 1 == num_events ? 0 : (i * 37) % 61));
  const int64_t n = offsets.back();
  const at::Tensor p = at::randn({n, 3}).mul(20).add(at::tensor({50.f, -30.f, 80.f}));
  const at::Tensor energy = p.square().sum(1).add(at::rand({n})).sqrt();
  return {at::stack({energy, p.select(1, 0), p.select(1, 1), p.select(1, 2)}, 1).contiguous(), longs(offsets)};
}

void write_tensor(const std::filesystem::path& path, const at::Tensor& tensor) {
  const at::Tensor packed = tensor.contiguous();
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(packed.const_data_ptr()), static_cast<std::streamsize>(packed.nbytes()));
}

/// As an export does it: a module with the preprocessing as a submodule.
torch::jit::Module embedding(const torch::jit::Module& inner) {
  torch::jit::Module outer("__torch__.Exported");
  outer.register_module("preprocess", inner);
  outer.define(
      "def forward(self, part: Tensor, offsets: Tensor) -> Tensor:\n"
      "    return self.preprocess.forward(part, offsets)[1]\n");
  return outer;
}

TEST(Preprocess, FeaturesEqualNumpyAndTheSavedModuleEqualsUsInPlainTorch) {
  Preprocess preprocess({part}, top_features);
  preprocess.set_standardisation("part", at::arange(7, at::kFloat), at::arange(7, at::kFloat).mul(0.5).add(0.25));
  const Column jets = random_jets(200);
  const Columns features = preprocess.features({{"part", jets}}), standardised = preprocess.apply({{"part", jets}});
  const test::TemporaryFolder folder;
  write_tensor(folder.path / "raw.f32", jets.values);
  write_tensor(folder.path / "offsets.i64", jets.offsets);
  write_tensor(folder.path / "event.f32", features.at("event").values);
  write_tensor(folder.path / "part.f32", features.at("part").values);
  write_tensor(folder.path / "part_standardised.f32", standardised.at("part").values);
  preprocess.module().save((folder.path / "module.pt").string());
  embedding(preprocess.module()).save((folder.path / "embedded.pt").string());
  const std::string command = std::string(TEV_PYTHON) + " " + TEV_REFERENCE + " " + folder.path.string();
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

TEST(Preprocess, SpecsListTheEventFirstAndFeaturesInTheirOrder) {
  const Preprocess preprocess({part}, {top_features[1], top_features[0]}, {"part.log_E"});
  ASSERT_EQ(preprocess.specs().size(), 2u);
  EXPECT_EQ(preprocess.specs()[0].name, "event");
  EXPECT_FALSE(preprocess.specs()[0].ragged);
  EXPECT_EQ(preprocess.specs()[1].name, "part");
  EXPECT_TRUE(preprocess.specs()[1].ragged);
  EXPECT_EQ(preprocess.specs()[1].features[6], "delta_r");
  EXPECT_EQ(preprocess.specs()[1].raw_features, (std::vector<std::string>{"log_E"}));
}

TEST(Preprocess, EventColumnsAreRepeatedAndObjectsHaveTheirOwnRows) {
  const Preprocess preprocess({{"muon", true, {"q"}}, {"event", false, {"met"}}, part},
                              {{"part", {{"x", "px / met"}, {"n", "px - event_sum(px)"}}},
                               {"muon", {{"q", "q * n_part"}}},
                               {"event", {{"n_part", "event_count(E)"}, {"twice", "met + met"}}}});
  const Columns features =
      preprocess.features({{"event", {rows({2, 4, 5}, 1), {}}},
                           {"muon", {rows({1, -1}, 1), longs({0, 0, 1, 2})}},
                           {"part", {rows({1, 6, 0, 0, 1, 8, 0, 0, 1, 10, 0, 0}, 4), longs({0, 2, 2, 3})}}});
  EXPECT_TRUE(at::equal(features.at("event").values, rows({2, 4, 0, 8, 1, 10}, 2)));
  EXPECT_TRUE(at::equal(features.at("muon").values, rows({0, -1}, 1)));
  EXPECT_TRUE(at::equal(features.at("part").values, rows({3, -8, 4, -6, 2, 0}, 2)));
  EXPECT_TRUE(at::equal(features.at("part").offsets, longs({0, 2, 2, 3})));
  EXPECT_FALSE(features.at("event").ragged());
}

TEST(Preprocess, ARawColumnHidesAFeatureOfTheSameName) {
  const Preprocess preprocess({{"part", true, {"E"}}},
                              {{"part", {{"E", "E / 100"}, {"twice", "E + E"}, {"both", "E + twice"}}}});
  const Columns features = preprocess.features({{"part", {rows({50}, 1), longs({0, 1})}}});
  EXPECT_TRUE(at::equal(features.at("part").values, rows({0.5, 100, 150}, 3)));
}

TEST(Preprocess, ConditionsBecomeZeroAndOne) {
  const Preprocess preprocess({{"part", true, {"E"}}}, {{"part", {{"hard", "E > 1"}, {"cut", "where(hard, E, 0)"}}}});
  const Columns features = preprocess.features({{"part", {rows({0.5, 3}, 1), longs({0, 1, 2})}}});
  EXPECT_TRUE(at::equal(features.at("part").values, rows({0, 0, 1, 3}, 2)));
}

/// A row of made-up columns: x and y any numbers, p positive, u in [-1, 1]; float32 holds them exactly.
struct Row {
  double x, y, p, u;
};

/// With ties of x and y, zeros, halves of both signs, the ends of [-1, 1], and one row where u > p.
const std::vector<Row> function_rows = {
    {-2.5, -2.5, 0.25, -1}, {-1, 3, 1, -0.5}, {-0.5, 0, 2, 0}, {0, 0, 0.5, 0.25}, {0.5, -0.5, 4, 0.5},
    {1.5, 2, 0.125, 0.75}, {2.5, 2.5, 1.5, 1}, {3, -1, 3, -0.25}, {4, 0.5, 8, -0.75}};

struct FunctionValue {
  std::string expression;
  double (*expected)(const Row&);
};

double wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }
double signed_root(double x) { return std::copysign(std::sqrt(std::abs(x)), x); }
double modulo(double a, double b) { return a - b * std::floor(a / b); }

const std::vector<FunctionValue> function_values = {
    {"abs(x)", [](const Row& r) { return std::abs(r.x); }},
    {"acos(u)", [](const Row& r) { return std::acos(r.u); }},
    {"acosh(p + 1)", [](const Row& r) { return std::acosh(r.p + 1); }},
    {"asin(u)", [](const Row& r) { return std::asin(r.u); }},
    {"asinh(x)", [](const Row& r) { return std::asinh(r.x); }},
    {"atan(x)", [](const Row& r) { return std::atan(r.x); }},
    {"atan2(y, x)", [](const Row& r) { return std::atan2(r.y, r.x); }},
    {"atanh(u / 2)", [](const Row& r) { return std::atanh(r.u / 2); }},
    {"ceil(x)", [](const Row& r) { return std::ceil(r.x); }},
    {"clip(x, -1, 1.5)", [](const Row& r) { return std::clamp(r.x, -1.0, 1.5); }},
    {"clip(x, min=0)", [](const Row& r) { return std::max(r.x, 0.0); }},
    {"clip(x, max=0.5)", [](const Row& r) { return std::min(r.x, 0.5); }},
    {"clip(x, u, p)", [](const Row& r) { return std::min(std::max(r.x, r.u), r.p); }},
    {"cos(x)", [](const Row& r) { return std::cos(r.x); }},
    {"cosh(x)", [](const Row& r) { return std::cosh(r.x); }},
    {"delta_phi(x, y)", [](const Row& r) { return wrapped(r.x - r.y); }},
    {"delta_r(x, y, u, p)", [](const Row& r) { return std::hypot(r.x - r.u, wrapped(r.y - r.p)); }},
    {"erf(x)", [](const Row& r) { return std::erf(r.x); }},
    {"eta(x, y, p)", [](const Row& r) { return std::asinh(std::min(r.p / std::hypot(r.x, r.y), 1e15)); }},
    {"exp(x)", [](const Row& r) { return std::exp(r.x); }},
    {"expm1(x)", [](const Row& r) { return std::expm1(r.x); }},
    {"floor(x)", [](const Row& r) { return std::floor(r.x); }},
    {"hypot(x, y)", [](const Row& r) { return std::hypot(r.x, r.y); }},
    {"isfinite(x / y)", [](const Row& r) { return r.y != 0 ? 1.0 : 0.0; }},
    {"log(p)", [](const Row& r) { return std::log(r.p); }},
    {"log10(p)", [](const Row& r) { return std::log10(r.p); }},
    {"log1p(u / 2)", [](const Row& r) { return std::log1p(r.u / 2); }},
    {"log2(p)", [](const Row& r) { return std::log2(r.p); }},
    {"mass(p, x, y, u)", [](const Row& r) { return signed_root(r.p * r.p - r.x * r.x - r.y * r.y - r.u * r.u); }},
    {"maximum(x, y)", [](const Row& r) { return std::max(r.x, r.y); }},
    {"maximum(x, 0)", [](const Row& r) { return std::max(r.x, 0.0); }},
    {"minimum(x, y)", [](const Row& r) { return std::min(r.x, r.y); }},
    {"minimum(x, 0.5)", [](const Row& r) { return std::min(r.x, 0.5); }},
    {"phi(x, y)", [](const Row& r) { return std::atan2(r.y, r.x); }},
    {"pow(p, y)", [](const Row& r) { return std::pow(r.p, r.y); }},
    {"pow(x, 3)", [](const Row& r) { return r.x * r.x * r.x; }},
    {"pow(2, x)", [](const Row& r) { return std::exp2(r.x); }},
    {"pt(x, y)", [](const Row& r) { return std::hypot(r.x, r.y); }},
    {"rapidity(p + abs(x), x)", [](const Row& r) { return std::atanh(r.x / (r.p + std::abs(r.x))); }},
    {"remainder(x, p)", [](const Row& r) { return modulo(r.x, r.p); }},
    {"remainder(x, -1.5)", [](const Row& r) { return modulo(r.x, -1.5); }},
    {"round(x)", [](const Row& r) { return std::nearbyint(r.x); }},
    {"sigmoid(x)", [](const Row& r) { return 1 / (1 + std::exp(-r.x)); }},
    {"sign(x)", [](const Row& r) { return r.x > 0 ? 1.0 : r.x < 0 ? -1.0 : 0.0; }},
    {"sin(x)", [](const Row& r) { return std::sin(r.x); }},
    {"sinh(x)", [](const Row& r) { return std::sinh(r.x); }},
    {"sqrt(abs(x))", [](const Row& r) { return std::sqrt(std::abs(r.x)); }},
    {"square(x)", [](const Row& r) { return r.x * r.x; }},
    {"tan(x)", [](const Row& r) { return std::tan(r.x); }},
    {"tanh(x)", [](const Row& r) { return std::tanh(r.x); }},
    {"where(x > y, x, p)", [](const Row& r) { return r.x > r.y ? r.x : r.p; }},
    {"where(x >= y, x, 0)", [](const Row& r) { return r.x >= r.y ? r.x : 0.0; }},
    {"where(x < 0, -1, p)", [](const Row& r) { return r.x < 0 ? -1.0 : r.p; }},
    {"where(x == y, 1, 0.5)", [](const Row& r) { return r.x == r.y ? 1.0 : 0.5; }},
};

/// Every function that an expression may call on rows, as the message about an unknown one lists them.
std::set<std::string> functions_of_rows() {
  const std::string error = test::error_of<InputError>([] {
    Preprocess({part}, {{"part", {{"f", "unknown(E)"}}}});
  });
  const std::string known = "(known: ";
  const size_t begin = error.find(known) + known.size();
  std::istringstream list(error.substr(begin, error.find(')', begin) - begin));
  std::set<std::string> names;
  for (std::string name; std::getline(list >> std::ws, name, ',');)
    if (name.rfind("event_", 0) != 0) names.insert(name);
  return names;
}

TEST(Preprocess, EveryFunctionOfRowsHasTheValueOfTheStandardLibrary) {
  std::set<std::string> tested;
  StringMap features;
  for (const auto& [expression, expected] : function_values) {
    tested.insert(expression.substr(0, expression.find('(')));
    features.emplace_back("f" + std::to_string(features.size()), expression);
  }
  EXPECT_EQ(tested, functions_of_rows());
  std::vector<float> raw;
  for (const Row& row : function_rows)
    for (const double value : {row.x, row.y, row.p, row.u}) raw.push_back(static_cast<float>(value));
  const Preprocess preprocess({{"part", true, {"x", "y", "p", "u"}}}, {{"part", features}});
  const at::Tensor values = preprocess.features({{"part", {rows(raw, 4), longs({0, 4, 4, 9})}}}).at("part").values;
  const float* value = values.const_data_ptr<float>();
  for (const Row& row : function_rows)
    for (const auto& [expression, expected] : function_values) {
      const double right = expected(row);
      EXPECT_NEAR(*value++, right, 1e-6 * std::abs(right) + 1e-7) << expression << " at x = " << row.x << ", y = " << row.y;
    }
}

TEST(Preprocess, BatchesWithoutRowsAndWithoutEventsKeepTheirWidth) {
  const Preprocess preprocess({part}, top_features);
  for (const int64_t num_events : {0, 3}) {
    const Columns features = preprocess.apply({{"part", {at::zeros({0, 4}), at::zeros({num_events + 1}, at::kLong)}}});
    EXPECT_EQ(features.at("part").values.sizes(), at::IntArrayRef({0, 7}));
    EXPECT_EQ(features.at("event").values.sizes(), at::IntArrayRef({num_events, 4}));
  }
}

TEST(Preprocess, AnEventHasTheSameFeaturesInAnyBatch) {
  const Preprocess preprocess({part}, top_features);
  const Column jets = random_jets(20);
  const at::Tensor all = preprocess.features({{"part", jets}}).at("part").values;
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t first = jets.offsets[i].item<int64_t>(), count = jets.offsets[i + 1].item<int64_t>() - first;
    const Column one{jets.values.narrow(0, first, count), longs({0, count})};
    EXPECT_TRUE(at::equal(preprocess.features({{"part", one}}).at("part").values, all.narrow(0, first, count))) << i;
  }
}

TEST(Preprocess, SeveralThreadsGiveTheSame) {
  const Preprocess preprocess({part}, top_features);
  const Columns raw = {{"part", random_jets(50)}};
  const at::Tensor expected = preprocess.apply(raw).at("part").values;
  std::vector<int> equal(4, 0);
  std::vector<std::thread> threads;
  for (auto& count : equal)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) count += at::equal(preprocess.apply(raw).at("part").values, expected);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 50));
}

TEST(Preprocess, AFeatureThatIsNotFiniteIsNamedWithItsExpression) {
  const Preprocess preprocess({{"part", true, {"E", "px"}}}, {{"part", {{"px", "px"}, {"log_E", "log(E)"}}}});
  const Columns raw = {{"part", {rows({1, 1, -1, 1, 0, 1}, 2), longs({0, 3})}}};
  for (const bool standardised : {false, true}) {
    EXPECT_EQ(test::error_of<InputError>([&] { standardised ? preprocess.apply(raw) : preprocess.features(raw); }),
              "data.features.part.log_E: NaN or infinite in 2 of 3 rows (log(E)). Guard it, e.g. with where or "
              "maximum, or drop such rows with `valid`.");
  }
}

TEST(Preprocess, ConstantsAreSavedAndLoaded) {
  Preprocess saved({part}, top_features), loaded({part}, top_features);
  const Columns raw = {{"part", random_jets(10)}};
  saved.set_standardisation("part", at::arange(7, at::kFloat), at::full({7}, 2.f));
  saved.set_standardisation("event", at::full({4}, 3.f), at::full({4}, 5.f));
  EXPECT_EQ(saved.state().size(), 4u);
  EXPECT_FALSE(at::equal(loaded.apply(raw).at("part").values, saved.apply(raw).at("part").values));
  loaded.load_state(saved.state());
  EXPECT_TRUE(at::equal(loaded.apply(raw).at("part").values, saved.apply(raw).at("part").values));
  EXPECT_TRUE(at::equal(loaded.apply(raw).at("event").values, saved.features(raw).at("event").values.sub(3).div(5)));
}

TEST(Preprocess, ConstantsOfOtherFeaturesAreRefused) {
  Preprocess preprocess({part}, top_features);
  EXPECT_THROW(preprocess.set_standardisation("part", at::zeros({3}), at::zeros({3})), Error);
  EXPECT_THROW(preprocess.set_standardisation("jet", at::zeros({3}), at::zeros({3})), Error);
  auto state = preprocess.state();
  state.erase("mean_event");
  EXPECT_THROW(preprocess.load_state(state), Error);
}

}  // namespace
}  // namespace tev
