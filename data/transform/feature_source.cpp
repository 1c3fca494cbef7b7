#include "data/transform/feature_source.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <algorithm>
#include <cctype>
#include <memory>
#include <set>
#include <sstream>

namespace tev {
namespace {

constexpr const char* features_key = "data.features";

std::string feature_variable(size_t object, const std::string& feature) { return c10::str("f", object, "_", feature); }

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_identifier(const std::string& key, const std::string& name) {
  bool good = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0]));
  for (const unsigned char c : name) good = good && (std::isalnum(c) || c == '_');
  TEV_CHECK_INPUT(good, key, ": '", name, "' is not a name (letters, digits and '_', as in an expression). Rename it.");
}

/// One object while its features are generated.
struct Member {
  RawObject raw;
  StringMap config;                   ///< its features
  std::vector<std::string> features;  ///< those already generated
};

/// Writes the body of the method; variables are declared where they are first used.
class Writer {
 public:
  explicit Writer(std::vector<Member> members) : members_(std::move(members)) {}

  std::vector<Member>& members() { return members_; }
  const Member& member(size_t i) const { return members_[i]; }
  int event() const { return index_of("event"); }

  int index_of(const std::string& name) const {
    for (size_t i = 0; i < members_.size(); ++i)
      if (members_[i].raw.name == name) return static_cast<int>(i);
    return -1;
  }

  /// Variable of a raw column or of an earlier feature of object i, "" if there is none.
  std::string own_variable(size_t i, const std::string& name) {
    const Member& object = members_[i];
    const auto& columns = object.raw.columns;
    const auto column = std::find(columns.begin(), columns.end(), name);
    if (column == columns.end()) return contains(object.features, name) ? feature_variable(i, name) : "";
    return declare(c10::str("c", i, "_", name), "torch.select(raw_" + object.raw.name + ", 1, " +
                                                    std::to_string(column - columns.begin()) + ").contiguous()");
  }

  /// The event's variable, repeated for every row of object i.
  std::string repeated_variable(size_t i, const std::string& name) {
    const std::string value = event() < 0 ? "" : own_variable(static_cast<size_t>(event()), name);
    if (value.empty()) return "";
    const std::string rows = event_of_row(i);
    return declare(c10::str("r", i, "_", name), "_repeat_rows(" + value + ", " + rows + ")");
  }

  std::string offsets(size_t i) const { return "offsets_" + members_[i].raw.name; }
  std::string event_of_row(size_t i) { return declare(c10::str("row", i), "_event_of_row(" + offsets(i) + ")"); }

  void line(const std::string& text) { body_ << "    " << text << "\n"; }
  std::string body() const { return body_.str(); }

 private:
  std::string declare(const std::string& variable, const std::string& value) {
    if (declared_.insert(variable).second) line(variable + " = " + value);
    return variable;
  }

  std::vector<Member> members_;
  std::set<std::string> declared_;
  std::ostringstream body_;
};

/// Names in an expression of a ragged object, or in the argument of an event function.
class RowScope final : public Scope {
 public:
  RowScope(Writer& writer, size_t object) : writer_(writer), object_(object) {}

  std::string variable(const std::string& name) override {
    const std::string own = writer_.own_variable(object_, name);
    return own.empty() ? writer_.repeated_variable(object_, name) : own;
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names = writer_.member(object_).raw.columns;
    append(names, writer_.member(object_).features);
    if (writer_.event() >= 0) {
      append(names, writer_.member(static_cast<size_t>(writer_.event())).raw.columns);
      append(names, writer_.member(static_cast<size_t>(writer_.event())).features);
    }
    return names;
  }

  std::string refusal(const std::string& name) const override {
    for (const Member& other : writer_.members())
      if (other.raw.ragged && contains(other.raw.columns, name))
        return "'" + name + "' is a column of the object '" + other.raw.name + "', not of '" +
               writer_.member(object_).raw.name +
               "' (their rows do not match). Reduce it in a feature of `event`, e.g. event_sum(" + name + ").";
    for (const auto& [feature, text] : writer_.member(object_).config)
      if (feature == name && text != name)  // one that is just a column's name: there is no such column
        return "the feature '" + name + "' is used before it is defined (only earlier ones are visible). Move it up.";
    return "";
  }

  Reduction reduction(const std::string&, const std::string&, const std::vector<std::string>&) override {
    return {this, writer_.offsets(object_), writer_.event_of_row(object_)};
  }

 private:
  static void append(std::vector<std::string>& names, const std::vector<std::string>& more) {
    names.insert(names.end(), more.begin(), more.end());
  }

  Writer& writer_;
  size_t object_;
};

/// Names in an expression of `event`.
class EventScope final : public Scope {
 public:
  EventScope(Writer& writer, size_t event) : writer_(writer), event_(event) {
    for (size_t i = 0; i < writer.members().size(); ++i) rows_.push_back(std::make_unique<RowScope>(writer, i));
  }

  std::string variable(const std::string& name) override { return writer_.own_variable(event_, name); }

  std::vector<std::string> names() const override {
    std::vector<std::string> names = writer_.member(event_).raw.columns;
    const auto& features = writer_.member(event_).features;
    names.insert(names.end(), features.begin(), features.end());
    return names;
  }

  std::string refusal(const std::string& name) const override {
    for (const Member& other : writer_.members()) {
      if (!other.raw.ragged) continue;
      if (contains(other.raw.columns, name))
        return "'" + name + "' is a column of the ragged object '" + other.raw.name +
               "' (an event has many of it). Reduce it: event_sum(" + name +
               "), event_mean, event_max, event_min or event_count.";
      for (const auto& [feature, text] : other.config)
        if (feature == name)
          return "'" + name + "' is a feature of '" + other.raw.name +
                 "' (features of `event` come first and see raw columns only). Write its expression inside the event "
                 "function.";
    }
    for (const auto& [feature, text] : writer_.member(event_).config)
      if (feature == name && text != name)  // one that is just a column's name: there is no such column
        return "the feature '" + name + "' is used before it is defined (only earlier ones are visible). Move it up.";
    return "";
  }

  Reduction reduction(const std::string& key, const std::string& call, const std::vector<std::string>& names) override {
    const size_t object = reduced_object(key, call, names);
    return {rows_[object].get(), writer_.offsets(object), ""};
  }

 private:
  /// The one ragged object that has every name of the argument that belongs to a ragged object at all.
  size_t reduced_object(const std::string& key, const std::string& call, const std::vector<std::string>& names) const {
    std::vector<size_t> best;
    std::vector<std::string> best_names, all_columns;
    size_t most = 0;
    for (size_t i = 0; i < writer_.members().size(); ++i) {
      const RawObject& raw = writer_.member(i).raw;
      if (!raw.ragged) continue;
      for (const auto& column : raw.columns)
        if (!contains(all_columns, column)) all_columns.push_back(column);
      const auto count = static_cast<size_t>(
          std::count_if(names.begin(), names.end(), [&](const auto& name) { return contains(raw.columns, name); }));
      if (count == 0 || count < most) continue;
      if (count > most) best.clear(), best_names.clear();
      most = count;
      best.push_back(i);
      best_names.push_back(raw.name);
    }
    TEV_CHECK_INPUT(!best.empty(), key, ": ", call,
                    " names no column of a ragged object (columns: ", join_names(all_columns), ").",
                    names.empty() ? "" : suggest_name(names.front(), all_columns));
    TEV_CHECK_INPUT(best.size() == 1, key, ": ", call, " is ambiguous (the objects ", join_names(best_names),
                    " all have such columns). Rename those of one of them with data.objects.<name>.as.");
    return best.front();
  }

  Writer& writer_;
  size_t event_;
  std::vector<std::unique_ptr<RowScope>> rows_;
};

/// The objects with their features; an `event` without raw columns is put in front, so that it may have features.
std::vector<Member> members_of(const std::vector<RawObject>& objects,
                               const std::vector<std::pair<std::string, StringMap>>& features) {
  std::vector<Member> members;
  std::vector<std::string> known = {"event"};
  for (const RawObject& object : objects) {
    check_identifier("data.objects", object.name);
    members.push_back({object, {}, {}});
    if (object.name != "event") known.push_back(object.name);
  }
  for (const auto& entry : features) {
    const std::string& name = entry.first;
    const StringMap& config = entry.second;
    if (name == "event" &&
        std::none_of(objects.begin(), objects.end(), [](const auto& o) { return o.name == "event"; }))
      members.insert(members.begin(), {RawObject{"event", false}, {}, {}});
    const auto member = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.raw.name == name; });
    TEV_CHECK_INPUT(member != members.end(), features_key, ".", name,
                    ": no object has this name (objects: ", join_names(known), ").", suggest_name(name, known));
    for (const auto& [feature, text] : config) check_identifier(std::string(features_key) + "." + name, feature);
    member->config = config;
  }
  return members;
}

/// Writes the features of object i and the line of the result.
std::string write_object(Writer& writer, size_t i, Scope& scope, FeatureSource& source, FeatureKey key) {
  const std::string name = writer.member(i).raw.name;
  ObjectSpec spec{name, writer.member(i).raw.ragged, {}, {}};
  std::string result;
  for (const auto& [feature, text] : writer.member(i).config) {
    const Expression expression = parse_expression(key(name, feature), text);
    source.bound.push_back(bind_names(expression, scope));
    const std::string variable = feature_variable(i, feature);
    writer.line(variable + " = " + placeholder(source.expressions.size()));
    source.expressions.push_back(expression);
    writer.members()[i].features.push_back(feature);
    spec.features.push_back(feature);
    result += (result.empty() ? "" : ", ") + variable + ".to(6)";  // 6: float32
  }
  source.specs.push_back(std::move(spec));
  return "[" + result + "]";
}

}  // namespace

FeatureSource generate_features(const std::vector<RawObject>& objects,
                                const std::vector<std::pair<std::string, StringMap>>& features, FeatureKey key) {
  FeatureSource source;
  for (const RawObject& object : objects) {
    for (const auto& name : {"raw_" + object.name, object.ragged ? "offsets_" + object.name : ""}) {
      if (name.empty()) continue;
      source.parameters += ", " + name + ": Tensor";
      source.arguments += (source.arguments.empty() ? "" : ", ") + name;
    }
  }
  Writer writer(members_of(objects, features));
  std::string results;
  const auto write = [&](size_t i, Scope& scope) {
    if (writer.member(i).config.empty()) return;
    results += (results.empty() ? "" : ", ") + write_object(writer, i, scope, source, key);
  };
  if (writer.event() >= 0) {
    EventScope scope(writer, static_cast<size_t>(writer.event()));
    write(static_cast<size_t>(writer.event()), scope);
  }
  for (size_t i = 0; i < writer.members().size(); ++i) {
    RowScope scope(writer, i);
    if (writer.member(i).raw.ragged) write(i, scope);
  }
  TEV_CHECK_INPUT(!source.specs.empty(), features_key,
                  ": no feature (the model needs at least one input). Add one, e.g. ",
                  objects.empty() ? "part" : objects.back().name, ": {log_E: log(E)}.");
  source.columns = "def columns(self" + source.parameters + ") -> List[List[Tensor]]:\n" + writer.body() +
                   "    return [" + results + "]\n";
  return source;
}

}  // namespace tev
