#include "data/transform/expression.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/transform/expression_error.hpp"
#include "data/transform/prelude.hpp"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/frontend/error_report.h>
#include <torch/csrc/jit/frontend/lexer.h>
#include <torch/csrc/jit/frontend/parser.h>

#include <algorithm>
#include <map>

namespace tev {
namespace {

using namespace torch::jit;

const c10::QualifiedName prelude_name("__torch__.tevatrain.prelude");
const std::string placeholder_prefix = "expression_";

/// Functions that are ATen operators, with all their overloads: what the expression calls -> what ATen calls it.
const std::map<std::string, std::string>& elementwise() {
  static const std::map<std::string, std::string> names = [] {
    std::map<std::string, std::string> map = {{"clip", "clamp"}, {"maximum", "clamp_min"}, {"minimum", "clamp_max"}};
    for (const char* name :
         {"abs",   "acos",  "acosh", "asin",  "asinh",    "atan",   "atanh", "ceil",  "cos",  "cosh", "erf",
          "exp",   "expm1", "floor", "hypot", "isfinite", "log",    "log10", "log1p", "log2", "pow",  "remainder",
          "round", "sign",  "sin",   "sinh",  "sqrt",     "square", "tan",   "tanh",  "where"})
      map[name] = name;
    return map;
  }();
  return names;
}

/// Finds the prelude's functions, and `torch`.
struct PreludeResolver final : NativeResolver {
  explicit PreludeResolver(std::map<std::string, Function*> functions) : functions_(std::move(functions)) {}

  std::shared_ptr<SugaredValue> resolveValue(const std::string& name, GraphFunction& method,
                                             const SourceRange& range) override {
    const auto function = functions_.find(name);
    if (function != functions_.end()) return std::make_shared<FunctionValue>(function->second);
    return NativeResolver::resolveValue(name, method, range);
  }

 private:
  std::map<std::string, Function*> functions_;
};

/// The prelude's functions that an expression may call.
const std::vector<std::string>& prelude_functions() {
  static const std::vector<std::string> names = [] {
    CompilationUnit unit;
    define_prelude(unit);
    std::vector<std::string> list;
    for (const auto* function : unit.get_functions())
      if (function->name().front() != '_') list.push_back(function->name());
    return list;
  }();
  return names;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names = prelude_functions();
  for (const auto& [name, aten] : elementwise()) names.push_back(name);
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_event_function(const std::string& name) {
  return name.rfind("event_", 0) == 0 && contains(prelude_functions(), name);
}

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

/// "torch.log": the only use of the name `torch`.
bool is_torch_member(const TreeRef& tree) {
  return tree->kind() == '.' && tree->tree(0)->kind() == TK_VAR && Var(tree->tree(0)).name().name() == "torch";
}

void collect_value_names(const TreeRef& tree, std::vector<std::string>& names) {
  if (tree->kind() == TK_VAR) {
    const std::string& name = Var(tree).name().name();
    if (!contains(names, name)) names.push_back(name);
    return;
  }
  if (is_torch_member(tree)) return;
  const bool named_call = tree->kind() == TK_APPLY && tree->tree(0)->kind() == TK_VAR;
  for (size_t i = named_call ? 1 : 0; i < tree->trees().size(); ++i) collect_value_names(tree->tree(i), names);
}

/// Walks one expression; a class because every step needs the expression for messages.
class Binder {
 public:
  Binder(const Expression& expression, Scope& scope) : expression_(expression), scope_(&scope) {}

  TreeRef bind(const TreeRef& tree) {
    if (tree->isAtom() || is_torch_member(tree)) return tree;
    if (tree->kind() == TK_VAR) return bind_value(Var(tree));
    if (tree->kind() == TK_APPLY && tree->tree(0)->kind() == TK_VAR) return bind_call(Apply(tree));
    if (is_order(tree) && is_order(tree->tree(0)))
      fail("'" + tree->range().text().str() +
           "' chains comparisons (TorchScript would compare true or false with a number). " +
           "Write (a < b) & (b < c), with the parentheses.");
    return tree->map([this](TreeRef child) { return bind(child); });
  }

 private:
  static bool is_order(const TreeRef& tree) {
    return tree->kind() == '<' || tree->kind() == '>' || tree->kind() == TK_LE || tree->kind() == TK_GE;
  }

  [[noreturn]] void fail(const std::string& problem) const { throw InputError(expression_.key + ": " + problem); }

  static Var variable(const SourceRange& range, const std::string& name) {
    return Var::create(range, Ident::create(range, name));
  }

  TreeRef bind_value(const Var& var) {
    const std::string& name = var.name().name();
    const std::string local = scope_->variable(name);
    if (!local.empty()) return variable(var.range(), local);
    const std::string refusal = scope_->refusal(name);
    if (!refusal.empty()) fail(refusal);
    std::vector<std::string> known = scope_->names();
    const std::vector<std::string> functions = function_names();
    if (contains(functions, name))
      fail("'" + name + "' is a function (columns: " + join_names(known) + "). Call it, as in " + name + "(...).");
    const std::string suggestion = suggest_name(name, known);
    known.insert(known.end(), functions.begin(), functions.end());
    fail("unknown name '" + name + "' (known: " + join_names(known) + ")." + suggestion);
  }

  TreeRef bind_call(const Apply& call) {
    const std::string name = Var(call.callee()).name().name();
    if (is_event_function(name)) return bind_event_call(name, call);
    TreeRef callee = call.callee().tree();
    const auto aten = elementwise().find(name);
    if (aten != elementwise().end()) {
      const SourceRange& range = call.callee().range();
      callee = Select::create(range, variable(range, "torch"), Ident::create(range, aten->second)).tree();
    } else if (!contains(prelude_functions(), name)) {
      fail_call(name);
    }
    return Compound::create(TK_APPLY, call.range(), {callee, bind(call.tree()->tree(1)), bind(call.tree()->tree(2))});
  }

  [[noreturn]] void fail_call(const std::string& name) {
    if (contains(scope_->names(), name))
      fail("'" + name +
           "' is a column and cannot be called (a function stands before parentheses). Put an operator between.");
    const std::vector<std::string> functions = function_names();
    fail("unknown function '" + name + "' (known: " + join_names(functions, 60) + ")." + suggest_name(name, functions));
  }

  TreeRef bind_event_call(const std::string& name, const Apply& call) {
    const SourceRange& range = call.range();
    const std::string text = range.text().str() + ")";
    if (call.inputs().size() != 1 || call.attributes().size() != 0)
      fail(text + ": " + name + " takes one argument (a value for every row; the events are filled in).");
    const Expr argument = call.inputs()[0];
    const Reduction reduction = scope_->reduction(expression_.key, text, value_names(argument.tree()));
    Scope* const outer = std::exchange(scope_, reduction.rows);
    const std::vector<Expr> inputs = {Expr(bind(argument.tree())), variable(range, reduction.offsets)};
    scope_ = outer;
    const auto no_attributes = List<Attribute>::create(range, {});
    const Expr result = Apply::create(range, call.callee(), List<Expr>::create(range, inputs), no_attributes);
    if (reduction.event_of_row.empty()) return result.tree();
    const Expr repeat = variable(range, "_repeat_rows");
    return Apply::create(range, repeat, List<Expr>::create(range, {result, variable(range, reduction.event_of_row)}),
                         no_attributes)
        .tree();
  }

  const Expression& expression_;
  Scope* scope_;
};

}  // namespace

Expression parse_expression(const std::string& key, const std::string& text) {
  Expression expression{key, trimmed(text), {}};
  std::replace(expression.text.begin(), expression.text.end(), '\n', ' ');
  TEV_CHECK_INPUT(!expression.text.empty(), key,
                  ": empty (a TorchScript expression is needed, e.g. log(E)). Write one.");
  try {
    // With the line's end TorchScript underlines even what fills the whole line.
    Parser parser(std::make_shared<Source>(expression.text + "\n", key, 1));
    expression.tree = parser.parseExp().tree();
    const Token& rest = parser.lexer().cur();
    if (rest.kind != TK_NEWLINE && rest.kind != TK_EOF)
      throw ErrorReport(rest) << "expected an operator or the end of the expression";
  } catch (const std::exception& error) {
    throw expression_error({expression}, error);
  }
  return expression;
}

TreeRef bind_names(const Expression& expression, Scope& scope) {
  const SourceRange& range = expression.tree->range();
  const std::vector<Expr> inputs = {Expr(Binder(expression, scope).bind(expression.tree))};
  return Apply::create(range, Var::create(range, Ident::create(range, "_column")), List<Expr>::create(range, inputs),
                       List<Attribute>::create(range, {}))
      .tree();
}

std::vector<std::string> value_names(const TreeRef& tree) {
  std::vector<std::string> names;
  collect_value_names(tree, names);
  return names;
}

std::string placeholder(size_t i) { return placeholder_prefix + std::to_string(i); }

TreeRef fill_placeholders(const TreeRef& tree, const std::vector<TreeRef>& expressions) {
  if (tree->kind() == TK_VAR) {
    const std::string& name = Var(tree).name().name();
    if (name.rfind(placeholder_prefix, 0) == 0)
      return expressions.at(std::stoul(name.substr(placeholder_prefix.size())));
  }
  return tree->isAtom() ? tree : tree->map([&](TreeRef child) { return fill_placeholders(child, expressions); });
}

ResolverPtr define_prelude(CompilationUnit& unit) {
  std::map<std::string, Function*> functions;
  for (auto* function : unit.define(prelude_name, prelude_source, nativeResolver(), nullptr))
    functions.emplace(function->name(), function);
  return std::make_shared<PreludeResolver>(std::move(functions));
}

}  // namespace tev
