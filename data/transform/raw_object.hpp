#pragma once
// One object as it comes out of a file: the columns that expressions may use.

#include "data/data_config.hpp"

#include <string>
#include <vector>

namespace tev {

/// The object `event` is one row an event; every other object is ragged.
struct RawObject {
  std::string name;
  bool ragged = false;
  std::vector<std::string> columns{};
  std::string valid{};  ///< rows where this expression over the columns is false are dropped; empty: keep all
};

/// The objects of a configuration, in its order; columns are named by `as`, or else by `columns`.
/// @throws InputError  no or repeated column names, `as` and `columns` of different length, `valid` on `event`
std::vector<RawObject> raw_objects(const std::vector<std::pair<std::string, ObjectConfig>>& objects);

}  // namespace tev
