#pragma once
// From the values of the label's field to classes.

#include "data/label_config.hpp"

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace tev {

/// What the values of data.label mean; may be called from several threads at once.
class ClassLabels {
 public:
  /// integers: one an event; columns: one 0 or 1 for every column of a one-hot label; text: the bytes of a fixed-length text.
  enum class Kind { integers, columns, text };

  /// What classes() gives for events without one.
  static constexpr int64_t kNone = -1, kSeveral = -2;

  /// @throws InputError  fewer than two classes, a name or value given twice, values of several kinds, neither field nor files
  explicit ClassLabels(LabelConfig config);

  Kind kind() const { return kind_; }
  const std::vector<std::string>& names() const { return names_; }
  /// Of a one-hot label: the columns by their names; empty: by their positions.
  const std::vector<std::string>& column_names() const { return column_names_; }
  /// Values an event that a one-hot label has at least.
  int64_t num_columns() const { return static_cast<int64_t>(class_of_column_.size()); }

  /// @param values  [n, width] int64, contiguous
  /// @return        [n] int64: the class; kNone for an event of none, kSeveral where a one-hot label does not have one 1
  at::Tensor classes(const at::Tensor& values) const;
  /// What is wrong with the values of an event without a class, and what to do: "data.label is 7 (...). ...".
  std::string problem(const at::Tensor& values, int64_t event) const;

 private:
  void read_integers();
  void read_columns();
  void read_texts();
  int64_t class_of(const int64_t* values, int64_t width) const;
  std::string value_text(const int64_t* values, int64_t width) const;
  std::string expected() const;

  LabelConfig config_;
  std::vector<std::string> names_;
  Kind kind_ = Kind::integers;
  std::map<int64_t, int64_t> class_of_integer_;
  std::map<std::string, int64_t> class_of_text_;
  std::vector<std::string> column_names_;
  std::vector<int64_t> class_of_column_;  ///< -1: a column of none
};

}  // namespace tev
