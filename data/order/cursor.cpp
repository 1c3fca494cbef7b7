#include "data/order/cursor.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.hpp"
#include "base/names.hpp"

namespace tev {
namespace {

constexpr size_t kNumFields = 8;
constexpr std::array<const char*, kNumFields> kNames = {"version", "seed",        "epoch",      "step",
                                                        "lanes",   "window_rows", "batch_size", "fingerprint"};

std::array<uint64_t, kNumFields> values_of(const Cursor& c) {
  const auto u = [](int64_t value) { return static_cast<uint64_t>(value); };
  return {c.version, c.seed, u(c.epoch), u(c.step), u(c.lanes), u(c.window_rows), u(c.batch_size), c.fingerprint};
}

size_t index_of(const std::string& name) {
  return std::find_if(kNames.begin(), kNames.end(), [&](const char* known) { return name == known; }) - kNames.begin();
}

std::array<uint64_t, kNumFields> collect(const CursorFields& fields) {
  std::array<uint64_t, kNumFields> values{};
  std::array<bool, kNumFields> seen{};
  const std::vector<std::string> known(kNames.begin(), kNames.end());
  for (const auto& [name, value] : fields) {
    const size_t index = index_of(name);
    TEV_CHECK_INPUT(index < kNumFields, "cursor: unknown field '", name, "' (fields: ", join_names(known), ").",
                    suggest_name(name, known), " The checkpoint may be of another release.");
    TEV_CHECK_INPUT(!seen[index], "cursor: field '", name, "' is given twice. The checkpoint is damaged.");
    seen[index] = true;
    values[index] = value;
  }
  for (size_t index = 0; index < kNumFields; ++index)
    TEV_CHECK_INPUT(seen[index], "cursor: field '", kNames[index], "' is missing (fields: ", join_names(known),
                    "). The checkpoint is damaged or of another release.");
  return values;
}

}  // namespace

CursorFields to_fields(const Cursor& cursor) {
  CursorFields fields;
  const auto values = values_of(cursor);
  for (size_t index = 0; index < kNumFields; ++index) fields.emplace_back(kNames[index], values[index]);
  return fields;
}

Cursor from_fields(const CursorFields& fields) {
  const auto values = collect(fields);
  const auto count = [&](size_t index, int64_t least) {
    TEV_CHECK_INPUT(values[index] <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) &&
                        static_cast<int64_t>(values[index]) >= least,
                    "cursor: field '", kNames[index], "' is ", static_cast<int64_t>(values[index]), " (at least ",
                    least, "). The checkpoint is damaged.");
    return static_cast<int64_t>(values[index]);
  };
  return {values[0], values[1], count(2, 0), count(3, 0), count(4, 1), count(5, 1), count(6, 1), values[7]};
}

void check_compatible(const Cursor& saved, const Cursor& current) {
  // What the user changes to make the field agree again.
  constexpr std::array<const char*, kNumFields> kRemedies = {
      "the release that began the run", "seed", nullptr, nullptr, "data.shuffle_rows and the files",
      "data.shuffle_rows and the files", "train.batch_size", "the files of the run"};
  const auto old_values = values_of(saved);
  const auto new_values = values_of(current);
  for (size_t index = 0; index < kNumFields; ++index) {
    if (kRemedies[index] == nullptr) continue;
    TEV_CHECK_INPUT(old_values[index] == new_values[index], "cursor: ", kNames[index], " is ", new_values[index],
                    ", but ", old_values[index], " in the checkpoint (the order of samples depends on it). Restore ",
                    kRemedies[index], ", or start a new run.");
  }
}

}  // namespace tev
