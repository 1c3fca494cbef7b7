// An exported tagger inside somebody else's C++: plain LibTorch, nothing of Tevatrain.
//
// tag_jets MODEL: reads jets from standard input, a line each: E px py pz of every constituent (GeV); prints for each jet the
// probability of every class.

#include <torch/script.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tag_jets MODEL < jets.txt" << std::endl;
    return 2;
  }
  torch::jit::Module model = torch::jit::load(argv[1]);
  const torch::InferenceMode inference;

  std::vector<float> values;             // [N, 4] constituents of all jets, one after the other
  std::vector<int64_t> offsets{0};       // jet b has the rows offsets[b] to offsets[b + 1]
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream numbers(line);
    for (float value; numbers >> value;) values.push_back(value);
    offsets.push_back(static_cast<int64_t>(values.size()) / 4);
  }
  const auto jets = static_cast<int64_t>(offsets.size()) - 1;

  const at::Tensor constituents = torch::from_blob(values.data(), {offsets.back(), 4});
  const at::Tensor event = torch::empty({jets, 0});  // this model reads no columns of the whole event
  const at::Tensor probabilities = model.forward({constituents, torch::tensor(offsets), event}).toTensor();

  for (const auto& name : model.get_method("class_names")({}).toListRef()) std::cout << name.toStringRef() << ' ';
  std::cout << '\n';
  for (int64_t jet = 0; jet < jets; ++jet) {
    for (int64_t c = 0; c < probabilities.size(1); ++c) std::cout << probabilities[jet][c].item<float>() << ' ';
    std::cout << '\n';
  }
}
