#include "data/readers/registry.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/file.hpp"
#include "data/readers/compound_reader.hpp"
#include "data/readers/dense_reader.hpp"
#include "data/readers/flat_reader.hpp"
#include "data/readers/pandas_fixed_reader.hpp"
#include "data/readers/pandas_table_reader.hpp"
#include "data/readers/plan_cache.hpp"
#include "data/readers/record_reader.hpp"

#include <chrono>
#include <map>

namespace tev {
namespace {

const std::map<std::string, Layout>& layouts() {
  static const std::map<std::string, Layout> table{
      {"compound", compound_fields},
      {"dense", dense_fields},
      {"flat", flat_fields},
      {"pandas_fixed", pandas_fixed_fields},
      {"pandas_table", pandas_table_fields},
  };
  return table;
}

}  // namespace

std::vector<std::string> reader_names() {
  std::vector<std::string> names;
  for (const auto& [name, layout] : layouts()) names.push_back(name);
  return names;
}

std::string layout_of(const std::string& path, const std::string& field, CatalogThread& thread) {
  return thread.run([&] {
    const auto file = hdf5::File::open(path);
    if (file->has_dataset(field)) return "compound";
    for (const auto& dataset : file->dataset_paths())
      if (file->text_attribute(dataset, "CLASS") == "TABLE") return "pandas_table";
    return "compound";
  });
}

std::unique_ptr<Reader> open_reader(const std::string& layout, const std::string& path,
                                    const std::vector<FieldRequest>& requests, CatalogThread& thread, const PlanCache* cache) {
  const auto entry = layouts().find(layout);
  TEV_CHECK_INPUT(entry != layouts().end(), "data.reader: unknown layout '", layout,
                  "' (known: ", join_names(reader_names()), ").", suggest_name(layout, reader_names()));
  auto plan = cache != nullptr ? cache->find(path, layout, requests) : std::nullopt;
  if (!plan) {
    const auto begin = std::chrono::steady_clock::now();
    plan = plan_file(path, requests, thread, entry->second);
    if (cache != nullptr && cache->wants(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()))
      cache->keep(*plan, layout, requests);
  }
  return read_planned(std::move(*plan), thread);
}

}  // namespace tev
