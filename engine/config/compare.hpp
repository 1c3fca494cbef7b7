#pragma once
// What differs between two configurations, key by key.

#include "base/config_fields.hpp"

#include <string>
#include <vector>

namespace tev {

/// One key with its value in one line.
struct FlatKey {
  std::string key;
  std::string value;
  KeyKind kind = KeyKind::physics;
};

/// Every key of the struct, sections unfolded, in the order of declaration. A map of names is unfolded too, and
/// followed by "<key> (order)": the order of features is the order of the columns that a network sees.
std::vector<FlatKey> flatten(const Fields& fields);

struct Difference {
  std::string key;
  std::string old_value;
  std::string new_value;
  KeyKind kind = KeyKind::physics;

  /// "optimizer.lr: 0.001, now 0.01".
  std::string text() const;
};

/// The keys whose values differ, `old` in front. A key that only one side has is "(not there)" on the other.
std::vector<Difference> differences(const Fields& old_fields, const Fields& new_fields);

}  // namespace tev
