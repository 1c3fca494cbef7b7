#pragma once
// `data.weight`: what an event weighs in training and in evaluation.

#include "base/config_fields.hpp"

namespace tev {

/// One axis of the histogram that reweighting makes equal.
struct ReweightVariable {
  std::string expression;
  std::vector<double> edges;
  std::vector<double> range;
  int64_t bins = 0;

  void declare(Fields& fields) {
    fields.add("expression", expression, "Expression over the columns of `event`, as in data.features.event; empty: the column of this name");
    fields.add("edges", edges, "Edges of the bins, rising. A bin holds its lower edge, the last one both");
    fields.add("range", range, "Instead of edges: [low, high], cut into data.weight.reweight.variables.<name>.bins equal bins");
    fields.add("bins", bins, "Number of equal bins in range").at_least(0);
  }
};

/// Histogram reweighting.
struct ReweightConfig {
  std::string to = "flat";
  std::vector<std::pair<std::string, ReweightVariable>> variables;
  std::string outside = "nearest";

  void declare(Fields& fields) {
    fields.add("to", to,
               "What the distribution of every class becomes: flat (the same sum of weights in every bin), or that of the class named here. Sums of "
               "classes stay; data.weight.balance sets them");
    fields.sections("variables", variables, "Axes of the histogram; none: no reweighting");
    fields.add("outside", outside, "Events outside the bins: counted in the nearest bin, or given the weight zero in training")
        .one_of({"nearest", "zero"});
  }
};

/// The weight in training is base weight x class balance x reweighting; in evaluation it is the base weight as it is stored.
struct WeightConfig {
  std::string field;
  int64_t index = 0;
  std::string column;
  std::string negative = "keep";
  NamedLists balance = {{"none", {}}};
  ReweightConfig reweight;

  void declare(Fields& fields) {
    fields.add("field", field, "Dataset or block that holds the base weight; empty: every event weighs 1");
    fields.add("index", index, "Position among the flattened values of an event").at_least(0);
    fields.add("column", column, "Member of a compound dataset");
    fields.add("negative", negative,
               "Negative base weights in training: kept, made positive, or such events left out. Evaluation always keeps them")
        .one_of({"keep", "absolute", "drop"});
    fields.add("balance", balance,
               "Sums of the training weights of the classes: none (as they are), equal, or shares such as {signal: 1, background: 3}; the sum over all "
               "classes stays");
    fields.section("reweight", reweight, "Training weights that give every class the same distribution of some variables");
  }
};

}  // namespace tev
