#pragma once
// The plan of a file as bytes.

#include "data/readers/record_plan.hpp"

namespace tev {

/// What opening a file finds.
struct FilePlan {
  RecordPlan records;
  std::vector<UnitRange> units;
};

/// Native byte order, for this machine and this version of the program.
std::string to_bytes(const FilePlan& plan);

/// @throws Error  bytes that are no plan: why
FilePlan plan_from_bytes(std::string_view bytes);

}  // namespace tev
