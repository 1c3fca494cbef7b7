#include "engine/config/reference.hpp"

#include "engine/config/emit.hpp"
#include "engine/config/key_kind.hpp"
#include "engine/config/ranges.hpp"

namespace tev {
namespace {

struct TypeName {
  std::string operator()(bool*) const { return "true, false"; }
  std::string operator()(int64_t*) const { return "integer"; }
  std::string operator()(double*) const { return "number"; }
  std::string operator()(std::string*) const { return "text"; }
  std::string operator()(std::vector<int64_t>*) const { return "list of integers"; }
  std::string operator()(std::vector<double>*) const { return "list of numbers"; }
  std::string operator()(std::vector<std::string>*) const { return "list of text"; }
  std::string operator()(NamedLists*) const { return "list of names, or map of names to lists of text"; }
  std::string operator()(StringMap*) const { return "map of text"; }
  std::string operator()(std::vector<std::pair<std::string, StringMap>>*) const { return "map of maps of text"; }
  std::string operator()(const std::shared_ptr<Fields>&) const { return ""; }
  std::string operator()(const SectionMap&) const { return ""; }
};

/// A pipe would end the cell.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string code(const std::string& text) { return text.empty() ? text : cell(text).insert(0, 1, '`').append(1, '`'); }

/// Without the full stop that may be there (what follows decides), and with nothing that looks like an HTML tag.
std::string sentence(const std::string& doc) {
  const bool full_stop = doc.ends_with('.') && !doc.ends_with("..");
  std::string text;
  for (const char c : cell(full_stop ? doc.substr(0, doc.size() - 1) : doc))
    text += c == '<' ? std::string("&lt;") : std::string(1, c);
  return text;
}

std::string default_text(const Field& field) {
  if (field.is_required) return "**required**";
  const std::string text = value_text(field);
  return text == "[]" || text == "{}" ? "" : code(text);
}

std::string limits_text(const Field& field) {
  std::string text = range_text(field);
  if (!field.unit_name.empty()) text = (text.empty() ? "" : text + " ") + field.unit_name;
  return text;
}

std::string choices_text(const Field& field) {
  std::string text;
  for (const auto& choice : field.choices) text += (text.empty() ? " One of " : ", ") + code(choice);
  return text.empty() ? "" : "." + text;
}

bool is_section(const Field& field) {
  return std::holds_alternative<std::shared_ptr<Fields>>(field.target) ||
         std::holds_alternative<SectionMap>(field.target);
}

std::string row(const Field& field) {
  return "| " + code(field.key) + " | " + std::visit(TypeName{}, field.target) + " | " + default_text(field) + " | " +
         cell(limits_text(field)) + " | " + key_kind_name(field.kind) + " | " + sentence(field.doc) +
         choices_text(field) + " |\n";
}

std::string nested_reference(const Field& field, const std::string& title) {
  const std::string key = title.empty() ? field.key : title + "." + field.key;
  if (const auto* section = std::get_if<std::shared_ptr<Fields>>(&field.target))
    return section_reference(**section, key, field.doc);
  return section_reference(std::get<SectionMap>(field.target).prototype(), key + ".<name>", field.doc);
}

}  // namespace

std::string section_reference(const Fields& fields, const std::string& title, const std::string& doc) {
  std::string rows, nested;
  for (const auto& field : fields.list())
    (is_section(field) ? nested : rows) += is_section(field) ? nested_reference(field, title) : row(field);
  std::string text = title.empty() ? "" : "\n## `" + title + "`\n\n" + sentence(doc) + ".\n";
  if (!rows.empty())
    text += "\n| key | type | default | range, unit | kind | meaning |\n|---|---|---|---|---|---|\n" + rows;
  return text + nested;
}

}  // namespace tev
