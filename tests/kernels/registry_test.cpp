// Every operator that the dispatcher knows has the files that its readers expect.

#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

namespace tev {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Operators of namespace tev that users call: neither internal (_name) nor the backward of another.
std::set<std::string> public_operators() {
  std::set<std::string> names;
  for (const auto& op : c10::Dispatcher::singleton().getAllOpNames()) {
    if (op.getNamespace() != "tev") continue;
    const std::string name = op.name.substr(op.name.find("::") + 2);
    if (name.front() != '_' && !ends_with(name, "_backward")) names.insert(name);
  }
  return names;
}

/// Where an operator lives that shares the folder of another.
std::string folder_of(const std::string& op) {
  static const std::map<std::string, std::string> shared = {{"batch_norm_sums", "batch_norm"}, {"coarse_voxels", "kernel_map"}, {"convolution_maps", "kernel_map"}, {"event_offsets", "voxel_index"}, {"from_dense", "voxel_grid"}, {"to_dense", "voxel_grid"}, {"to_voxels", "voxel_index"}, {"voxel_coords", "voxel_index"}};
  const auto found = shared.find(op);
  return found == shared.end() ? op : found->second;
}

TEST(OperatorRegistry, EveryOperatorHasItsFiles) {
  const auto names = public_operators();
  EXPECT_TRUE(names.count("segment_reduce"));
  for (const auto& name : names) {
    const std::string op = folder_of(name);
    for (const char* end : {".hpp", ".cpp", "_cpu.cpp", "_cuda.cu", "_math.hpp", "_portable.cpp"}) {
      const auto path = "kernels/" + op + "/" + op + end;
      EXPECT_TRUE(std::filesystem::exists(path)) << "operator " << op << " lacks " << path;
    }
    for (const auto& path : {"tests/kernels/" + op + "_test.cpp", "benchmarks/kernels/" + op + "_bench.py"})
      EXPECT_TRUE(std::filesystem::exists(path)) << "operator " << op << " lacks " << path;
  }
}

}  // namespace
}  // namespace tev
