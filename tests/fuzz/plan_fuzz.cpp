// The plan of a file as it is kept, changed in places: refused as Error, or a plan that says the same again and can be asked for all it
// knows. The hash that guards a kept plan is left out.
//
// Input: which of the plans (1 byte), how many bytes of it are left out at its end (2), then position (2) and new value (1) of each change.

#include "base/check.hpp"
#include "data/readers/plan_archive.hpp"
#include "data/readers/record_reader.hpp"
#include "data/readers/flat_reader.hpp"
#include "data/readers/dense_reader.hpp"
#include "data/write/h5_writer.hpp"
#include "tests/fuzz/fuzz_bytes.hpp"

#include <ATen/ops/arange.h>
#include <unistd.h>

#include <filesystem>

namespace tev {
namespace {

/// Plans of a dense dataset, and of rows by their counts.
std::vector<std::string> make_plans() {
  const std::string path = std::filesystem::temp_directory_path() / ("tevatrain_fuzz_" + std::to_string(10000000 + ::getpid()) + ".h5");  // always as long: inputs are positions
  H5Writer writer(path);
  writer.append("x", at::arange(600, at::kFloat).view({200, 3}));
  writer.append("n", at::arange(24, at::kLong));
  writer.append("rows", at::arange(276, at::kFloat));
  writer.close();
  CatalogThread thread;
  FieldRequest dense, flat;
  dense.key = flat.key = "data.objects.part.field";
  dense.field = "x";
  flat.field = "rows";
  flat.rows_kind = RowsKind::counts;
  flat.rows = "n";
  std::vector<std::string> plans{to_bytes(plan_file(path, {dense}, thread, dense_fields)), to_bytes(plan_file(path, {flat}, thread, flat_fields))};
  std::filesystem::remove(path);
  return plans;
}

}  // namespace
}  // namespace tev

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tev;
  static const std::vector<std::string> plans = make_plans();
  static CatalogThread thread;
  fuzz::FuzzBytes input(data, size);
  std::string bytes = plans[input.number(1) % plans.size()];
  bytes.resize(bytes.size() - input.number(2) % bytes.size());
  while (!input.rest().empty()) {
    const size_t position = input.number(2) % std::max<size_t>(1, bytes.size());
    bytes[position] = static_cast<char>(input.number(1));
  }
  try {
    FilePlan plan = plan_from_bytes(bytes);
    fuzz::require(to_bytes(plan) == bytes, "that a plan says the same again");
    const auto reader = read_planned(std::move(plan), thread);
    reader->units();
    reader->widths();
    reader->types();
    reader->signatures();
    reader->library_reads();
    fuzz::require(reader->parts().empty(), "that a kept plan has no parts");
    fuzz::require(reader->table_bytes() >= 0, "that tables have a size");
    reader->scratch_bytes();
  } catch (const Error&) {
  }
  return 0;
}
