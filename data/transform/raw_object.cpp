#include "data/transform/raw_object.hpp"

#include "base/check.hpp"

#include <set>

namespace tev {
namespace {

void check_names(const std::string& key, const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const auto& name : names)
    TEV_CHECK_INPUT(seen.insert(name).second, key, ": the name '", name,
                    "' stands twice (every column needs a name of its own). Rename one of the two.");
}

}  // namespace

std::vector<RawObject> raw_objects(const std::vector<std::pair<std::string, ObjectConfig>>& objects) {
  std::vector<RawObject> result;
  for (const auto& [name, config] : objects) {
    const std::string key = "data.objects." + name;
    TEV_CHECK_INPUT(!config.as.empty() || !config.columns.empty(), key,
                    ".as: empty (expressions need names for the columns). List one name for each value of a row.");
    TEV_CHECK_INPUT(config.as.empty() || config.columns.empty() || config.as.size() == config.columns.size(), key,
                    ".as: ", config.as.size(), " names for ", config.columns.size(),
                    " columns (`as` renames `columns` one by one). List as many names as columns.");
    RawObject object{name, name != "event", config.as.empty() ? config.columns : config.as, config.valid};
    check_names(key + ".as", object.columns);
    TEV_CHECK_INPUT(object.ragged || object.valid.empty(), key, ".valid: '", object.valid,
                    "' given for the event itself (it has one row, which cannot be dropped). Use data.select.");
    result.push_back(std::move(object));
  }
  return result;
}

}  // namespace tev
