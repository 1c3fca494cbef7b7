#pragma once
// `data.label`: what says the class of an event, or of each of its rows.

#include "base/config_fields.hpp"

namespace tev {

/// Either a field of the events, or of the rows of an object, or the files themselves say the class.
struct LabelConfig {
  std::string object;
  std::string field;
  int64_t index = 0;
  std::string column;
  bool one_hot = false;
  NamedLists classes;
  std::string other = "error";
  NamedLists files;

  void declare(Fields& fields) {
    fields.add("object", object, "Object each row of which has a class, e.g. the voxels of an event; empty: an event has one");
    fields.add("field", field, "Dataset or block that holds the class; empty: that of data.label.object, or data.label.files says it");
    fields.add("index", index, "Position among the flattened values of an event, or of a row of data.label.object").at_least(0);
    fields.add("column", column, "Member of a compound dataset");
    fields.add("one_hot", one_hot,
               "The field has a column for every class, which is 1 for the events of it and else 0; the values of data.label.classes are then "
               "columns, or positions counted from data.label.index");
    fields.add("classes", classes,
               "Class names in the order of the network's outputs. A list: the field holds 0, 1, ...; a map: the values that it holds for a class, "
               "one or a list, integers or text, e.g. {b: 5, c: 4, light: [0, 1, 2, 3, 21]}");
    fields.add("other", other, "Events of none of the classes: an error, or left out of their batches, which get smaller")
        .one_of({"error", "drop"});
    fields.add("files", files,
               "The class of all events of a file, by patterns of its path, e.g. {background: bkg*.h5, signal: [sig1*.h5, sig2*.h5]}. A pattern is "
               "compared with as many of the last parts of the path as it has itself: *.h5 with the name, signal/*.h5 also with the folder")
        .expand_environment().location();
  }
};

/// In the order of the labels.
inline std::vector<std::string> class_names(const LabelConfig& config) {
  std::vector<std::string> names;
  for (const auto& [name, values] : config.files.empty() ? config.classes : config.files) names.push_back(name);
  return names;
}

}  // namespace tev
