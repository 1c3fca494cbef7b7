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
#include <utility>

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

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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

std::future<std::unique_ptr<Reader>> start_reader(const std::string& layout, const std::string& path, const std::vector<FieldRequest>& requests,
                                                  CatalogThread& thread, const PlanCache* cache) {
  const auto entry = layouts().find(layout);
  TEV_CHECK_INPUT(entry != layouts().end(), "data.reader: unknown layout '", layout,
                  "' (known: ", join_names(reader_names()), ").", suggest_name(layout, reader_names()));
  if (auto plan = cache != nullptr ? cache->find(path, layout, requests) : std::nullopt)
    return std::async(std::launch::deferred, [plan = std::move(*plan), &thread]() mutable { return read_planned(std::move(plan), thread); });
  auto found = thread.submit([path, requests, layout = entry->second] {
    const auto begin = std::chrono::steady_clock::now();
    auto records = plan_records(path, requests, layout);
    return std::pair{std::move(records), seconds_since(begin)};
  });
  return std::async(std::launch::deferred, [found = std::move(found), layout, requests, &thread, cache]() mutable {
    auto [records, seconds] = found.get();
    const auto begin = std::chrono::steady_clock::now();
    FilePlan plan = plan_units(std::move(records), thread);
    if (cache != nullptr && cache->wants(seconds + seconds_since(begin))) cache->keep(plan, layout, requests);
    return read_planned(std::move(plan), thread);
  });
}

std::unique_ptr<Reader> open_reader(const std::string& layout, const std::string& path,
                                    const std::vector<FieldRequest>& requests, CatalogThread& thread, const PlanCache* cache) {
  return start_reader(layout, path, requests, thread, cache).get();
}

}  // namespace tev
