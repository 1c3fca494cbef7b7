#include "data/stream/observers.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace tev {
namespace {

constexpr const char* option = "--columns";

/// Names of the datasets that predictions consist of.
const std::vector<std::string> reserved = {"scores", "label", "weight", "sample_id", "class_names", "offsets", "inputs"};

/// The request for a column of data.objects.event; nothing if it has no such column.
std::optional<FieldRequest> event_column(const DataConfig& config, const std::string& name) {
  for (const auto& [object, from] : config.objects) {
    if (object != "event") continue;
    const auto& names = from.as.empty() ? from.columns : from.as;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) continue;
    FieldRequest request;
    request.key = option;
    request.field = from.field;
    request.members = from.columns;
    request.first = (from.take.empty() ? 0 : from.take[0]) + (found - names.begin());
    request.last = request.first + 1;
    return request;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Observer> observers(const DataConfig& config, const std::vector<std::string>& columns) {
  std::vector<Observer> result;
  std::set<std::string> seen;
  for (const auto& column : columns) {
    const auto equals = column.find('=');
    const std::string name = column.substr(0, equals);
    const std::string field = equals == std::string::npos ? column : column.substr(equals + 1);
    TEV_CHECK_INPUT(std::find(reserved.begin(), reserved.end(), name.substr(0, name.find('/'))) == reserved.end(), option, ": '", name,
                    "' is a name that predictions use themselves (", join_names(reserved), "). Write another one before it: my_", name,
                    "=", field, ".");
    TEV_CHECK_INPUT(!name.empty() && !field.empty(), option, ": '", column, "' names no field. Write field, or name=field.");
    TEV_CHECK_INPUT(seen.insert(name).second, option, ": '", name, "' stands twice. Write another name before one of them: name=field.");
    FieldRequest request = event_column(config, field).value_or(field_request(option, field));
    request.as = FieldRequest::As::stored;
    request.one_row = true;
    result.push_back({name, std::move(request)});
  }
  return result;
}

}  // namespace tev
