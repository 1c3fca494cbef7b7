// Weighted metrics of random samples with many ties against scikit-learn.

#include "engine/metrics/metric_set.hpp"
#include "tests/engine/metrics/metric_inputs.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

namespace tev {
namespace {

struct Sample {
  std::vector<double> score, weight;
  std::vector<int64_t> label;
};

// Scores are rounded to `levels` values, so that most of them are shared by signal and background.
Sample random_sample(int events, int levels, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  Sample sample;
  for (int i = 0; i < events; ++i) {
    const int64_t label = random() % 3 == 0;
    const double score = 1 / (1 + std::exp(-normal(random) - 1.5 * static_cast<double>(label) + 0.7));
    sample.score.push_back(std::round(score * levels) / (levels + 1));
    sample.weight.push_back(exponential(random));
    sample.label.push_back(label);
  }
  return sample;
}

void write_sample(const Sample& sample, const std::filesystem::path& path) {
  std::ofstream file(path);
  file.precision(17);
  for (size_t i = 0; i < sample.score.size(); ++i)
    file << sample.score[i] << ' ' << sample.label[i] << ' ' << sample.weight[i] << '\n';
}

// One interpreter for all samples: it takes longer to start than to compute.
std::vector<double> reference(const std::vector<Sample>& samples) {
  std::string command = std::string(TEV_PYTHON) + " tests/engine/metrics/sklearn_reference.py";
  const test::TemporaryFolder folder;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto path = folder.path / (std::to_string(i) + ".txt");
    write_sample(samples[i], path);
    command += " " + path.string();
  }
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::vector<double> numbers;
  for (double number; pipe && std::fscanf(pipe.get(), "%lf", &number) == 1;) numbers.push_back(number);
  return numbers;
}

void expect_agreement(const Sample& sample, const double* expected) {
  MetricSet metrics({}, DataSpec{{}, {"QCD", "top"}});
  metrics.update(binary_input(sample.score, sample.label, sample.weight));
  const auto values = metrics.values("test");
  EXPECT_NEAR(*named(values, "auc").value, expected[0], 1e-12);
  EXPECT_NEAR(*named(values, "accuracy").value, expected[1], 1e-12);
  for (const auto& name : {"rejection_30", "rejection_50"}) {
    const MetricValue& rejection = named(values, name);
    const double* numbers = expected + (name == std::string("rejection_30") ? 2 : 5);
    EXPECT_NEAR(*rejection.value / numbers[0], 1, 1e-10) << name;
    EXPECT_NEAR(*rejection.error / numbers[1], 1, 1e-10) << name;
    EXPECT_DOUBLE_EQ(*rejection.cut, numbers[2]) << name;
  }
}

TEST(Sklearn, AgreesOnWeightedEventsWithTies) {
  const std::vector<Sample> samples = {random_sample(3000, 10, 17), random_sample(3000, 200, 18),
                                       random_sample(20000, 100000, 19)};
  const auto expected = reference(samples);
  ASSERT_EQ(expected.size(), 8 * samples.size()) << "the reference script failed";
  for (size_t i = 0; i < samples.size(); ++i) {
    SCOPED_TRACE(i);
    expect_agreement(samples[i], expected.data() + 8 * i);
  }
}

}  // namespace
}  // namespace tev
