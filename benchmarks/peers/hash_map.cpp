// A kernel map by std::unordered_map, as spconv's CPU path finds its own: the peer of kernel_map.
//   g++ -O3 -std=c++17 -shared -fPIC

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

/// @param keys   [n], 16 bits a field
/// @return       pairs of the submanifold map of size 3; their number alone
extern "C" int64_t submanifold_pairs(const int64_t* keys, int64_t n) {
  std::unordered_map<int64_t, int32_t> rows;
  rows.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) rows.emplace(keys[i], static_cast<int32_t>(i));
  std::vector<std::vector<int32_t>> inputs(27), outputs(27);
  int64_t pairs = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t tap = 0; tap < 27; ++tap) {
      const int64_t x = tap / 9 - 1, y = tap / 3 % 3 - 1, z = tap % 3 - 1;
      const auto found = rows.find(keys[i] + x * (int64_t{1} << 32) + y * (int64_t{1} << 16) + z);
      if (found == rows.end()) continue;
      inputs[tap].push_back(found->second);
      outputs[tap].push_back(static_cast<int32_t>(i));
      ++pairs;
    }
  return pairs;
}
