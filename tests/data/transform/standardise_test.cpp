#include "data/transform/standardise.hpp"

#include "base/check.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

const std::vector<ObjectSpec> specs = {{"event", false, {"m"}, {}}, {"part", true, {"a", "b"}, {}}};

/// Event i has i mod 4 rows; values are pure functions of the event and the row.
struct Block {
  Columns features;
  at::Tensor ids;
};

Block block(int64_t first, int64_t last) {
  std::vector<float> m, rows;
  std::vector<int64_t> offsets = {0};
  for (int64_t i = first; i < last; ++i) {
    m.push_back(static_cast<float>(1000 + std::sin(double(i))));
    for (int64_t row = 0; row < i % 4; ++row) {
      rows.push_back(static_cast<float>(std::sin(1.0 + double(i)) * double(i % 17)));
      rows.push_back(static_cast<float>(std::exp(std::cos(double(3 * i + row)))));
    }
    offsets.push_back(static_cast<int64_t>(rows.size()) / 2);
  }
  Block result;
  result.features["event"] = {at::tensor(m, at::kFloat).view({-1, 1}), {}};
  result.features["part"] = {at::tensor(rows, at::kFloat).view({-1, 2}), at::tensor(offsets, at::kLong)};
  result.ids = at::arange(first, last, at::kLong);
  return result;
}

Standardisation fit(const std::string& kind, const std::vector<std::pair<int64_t, int64_t>>& ranges,
                    int64_t sample = 1 << 20) {
  StandardiseFit fit(kind, specs, sample);
  for (const auto& [first, last] : ranges) {
    const Block b = block(first, last);
    fit.add(b.features, b.ids);
  }
  return fit.result();
}

void expect_same(const Standardisation& a, const Standardisation& b) {
  ASSERT_EQ(a.features.size(), b.features.size());
  for (size_t i = 0; i < a.features.size(); ++i) {
    EXPECT_EQ(a.features[i].mean, b.features[i].mean) << a.features[i].feature;
    EXPECT_EQ(a.features[i].scale, b.features[i].scale) << a.features[i].feature;
    EXPECT_EQ(a.features[i].rows, b.features[i].rows) << a.features[i].feature;
  }
}

// Reference values: NumPy in float64 (mean, std, median, percentile) of the float32 columns of block(0, 1000).
TEST(Standardise, MeanAndWidthEqualNumpy) {
  const auto result = fit("mean_std", {{0, 300}, {300, 301}, {301, 1000}});
  EXPECT_EQ(result.features[0].rows, 1000);
  EXPECT_EQ(result.features[1].rows, 1500);
  const double mean[] = {999.999987487793, -0.018624755557005605, 1.2641395923693974},
               std[] = {0.7067590685010174, 6.589404055236455, 0.82258406888604};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(result.features[i].mean, mean[i], 1e-10 * std::abs(mean[i]) + 1e-12);
    EXPECT_NEAR(result.features[i].scale, std[i], 1e-9 * std[i]);
  }
}

TEST(Standardise, MedianAndQuantilesEqualNumpy) {
  const auto result = fit("median_width", {{0, 300}, {300, 301}, {301, 1000}});
  const double median[] = {1000.0, 0.0, 1.0042235851287842},
               width[] = {0.8757946777343477, 6.712295026779167, 0.991736363172531};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(result.features[i].mean, median[i], 1e-12 * std::abs(median[i]) + 1e-12);
    EXPECT_NEAR(result.features[i].scale, width[i], 1e-9 * width[i]);
  }
}

TEST(Standardise, RangesAreThoseOfAllRows) {
  const auto result = fit("none", {{0, 500}, {500, 1000}});
  const at::Tensor all = block(0, 1000).features.at("part").values;
  EXPECT_EQ(result.features[2].minimum, all.select(1, 1).min().item<double>());
  EXPECT_EQ(result.features[2].maximum, all.select(1, 1).max().item<double>());
  EXPECT_EQ(result.features[2].mean, 0);
  EXPECT_EQ(result.features[2].scale, 1);
  EXPECT_TRUE(result.messages.empty());
}

TEST(Standardise, TheSampleDoesNotDependOnTheOrderOrTheSizeOfBlocks) {
  const auto once = fit("median_width", {{0, 1000}}, 100);
  expect_same(once, fit("median_width", {{700, 1000}, {0, 10}, {10, 700}}, 100));
  std::vector<std::pair<int64_t, int64_t>> single;
  for (int64_t i = 999; i >= 0; --i) single.emplace_back(i, i + 1);
  expect_same(once, fit("median_width", single, 100));
  EXPECT_NE(once.features[2].mean, fit("median_width", {{0, 1000}}).features[2].mean)
      << "the sample is all rows: nothing was tested";
}

TEST(Standardise, TheSampleIsUniform) {
  const auto sampled = fit("median_width", {{0, 20000}}, 2000), all = fit("median_width", {{0, 20000}});
  EXPECT_NEAR(sampled.features[2].mean, all.features[2].mean, 5 * all.features[2].scale / std::sqrt(2000.0));
  EXPECT_NEAR(sampled.features[2].scale, all.features[2].scale, 0.1 * all.features[2].scale);
}

TEST(Standardise, MergedFitsEqualOneFit) {
  for (const std::string kind : {"mean_std", "median_width"}) {
    StandardiseFit parts[2] = {{kind, specs, 100}, {kind, specs, 100}};
    for (const auto& [index, first, last] : {std::tuple{0, 0, 400}, {1, 400, 1000}}) {
      const Block b = block(first, last);
      parts[index].add(b.features, b.ids);
    }
    parts[0].merge(parts[1]);
    expect_same(parts[0].result(), fit(kind, {{0, 400}, {400, 1000}}, 100));
  }
}

TEST(Standardise, ALargeMeanDoesNotSpoilTheWidth) {
  StandardiseFit fit("mean_std", {{"event", false, {"x"}, {}}});
  std::vector<float> values;
  for (int i = 0; i < 4096; ++i) values.push_back(1e6f + static_cast<float>(i % 2));
  fit.add({{"event", {at::tensor(values, at::kFloat).view({-1, 1}), {}}}}, at::arange(4096, at::kLong));
  EXPECT_NEAR(fit.result().features[0].scale, 0.5, 1e-9);
}

TEST(Standardise, AFeatureThatDoesNotVaryGetsScaleOneAndAMessage) {
  for (const std::string kind : {"mean_std", "median_width"}) {
    StandardiseFit fit(kind, {{"event", false, {"x"}, {}}, {"part", true, {"y"}, {}}});
    fit.add(
        {{"event", {at::tensor({0.1f, 0.1f, 0.1f}).view({-1, 1}), {}}},
         {"part", {at::tensor(std::vector<float>{}, at::kFloat).view({0, 1}), at::tensor({0, 0, 0, 0}, at::kLong)}}},
        at::arange(3, at::kLong));
    const auto result = fit.result();
    EXPECT_NEAR(result.features[0].mean, 0.1, 1e-7);
    EXPECT_EQ(result.features[0].scale, 1);
    EXPECT_EQ(result.features[1].mean, 0);
    EXPECT_EQ(result.features[1].scale, 1);
    EXPECT_EQ(result.messages,
              (std::vector<std::string>{
                  "data.features.event.x: does not vary (3 rows from 0.1 to 0.1); its scale is set to 1.",
                  "data.features.part.y: has no rows (0 rows from 0 to 0); its scale is set to 1."}));
  }
}

TEST(Standardise, RawFeaturesAreLeftAsTheyAre) {
  auto raw = specs;
  raw[1].raw_features = {"b"};
  StandardiseFit fit("mean_std", raw);
  const Block b = block(0, 100);
  fit.add(b.features, b.ids);
  const auto result = fit.result();
  EXPECT_NE(result.features[1].scale, 1);
  EXPECT_EQ(result.features[2].mean, 0);
  EXPECT_EQ(result.features[2].scale, 1);
  EXPECT_EQ(result.mean("part").size(0), 2);
  EXPECT_EQ(result.scale("event").size(0), 1);
}

TEST(Standardise, AnUnknownKindIsRefused) { EXPECT_THROW(StandardiseFit("mean", specs), InputError); }

}  // namespace
}  // namespace tev
