#pragma once
// One expression of the configuration: parsed by TorchScript's own parser, its names bound to variables.

#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/tree_views.h>

#include <string>
#include <vector>

namespace tev {

/// An expression and where it stands, e.g. "data.features.part.log_pt".
struct Expression {
  std::string key;
  std::string text;
  torch::jit::TreeRef tree;
};

/// @throws InputError  key, then TorchScript's excerpt with the mistake underlined
Expression parse_expression(const std::string& key, const std::string& text);

class Scope;

/// Where the argument of an event function is evaluated.
struct Reduction {
  Scope* rows = nullptr;     ///< names inside the call
  std::string offsets;       ///< variable inserted as the last argument
  std::string event_of_row;  ///< variable that repeats the result for every row; empty: an event value is wanted
};

/// What the names of an expression mean.
class Scope {
 public:
  virtual ~Scope() = default;
  /// The variable that a name stands for, or "" if it is unknown.
  virtual std::string variable(const std::string& name) = 0;
  /// All names, the most likely ones first.
  virtual std::vector<std::string> names() const = 0;
  /// A sentence that says why a name cannot stand here, or "" to call it unknown.
  virtual std::string refusal(const std::string&) const { return ""; }
  /// @param call   text for messages, e.g. "event_sum(px)"
  /// @param names  the names in its argument
  virtual Reduction reduction(const std::string& key, const std::string& call,
                              const std::vector<std::string>& names) = 0;
};

/// A copy of the tree in which names are variables of the generated method, functions are resolved, and the offsets of
/// event functions are filled in; wrapped in _column, so that the compiler asks for a tensor.
/// @throws InputError  unknown names and functions, with the nearest known one
torch::jit::TreeRef bind_names(const Expression& expression, Scope& scope);

/// Names of values in a tree: neither functions nor keyword arguments.
std::vector<std::string> value_names(const torch::jit::TreeRef& tree);

/// A copy of `tree` in which variable `placeholder(i)` is replaced by expressions[i].
torch::jit::TreeRef fill_placeholders(const torch::jit::TreeRef& tree,
                                      const std::vector<torch::jit::TreeRef>& expressions);
std::string placeholder(size_t i);

/// Adds the prelude to a compilation unit; the resolver finds its functions and `torch`.
torch::jit::ResolverPtr define_prelude(torch::jit::CompilationUnit& unit);

}  // namespace tev
