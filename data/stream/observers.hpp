#pragma once
// Columns that travel with the events to a file of predictions.

#include "data/data_config.hpp"
#include "data/readers/reader.hpp"

namespace tev {

struct Observer {
  std::string name;  ///< of the dataset that it is written to
  FieldRequest request;
};

/// What `--columns` asks for: columns of data.objects.event by their names, or any other field of the files.
/// @param columns  "[name=]field", "[name=]field:index" or "[name=]field:member"; without name: as it is written
/// @throws InputError  a name that predictions use themselves, or that stands twice
std::vector<Observer> observers(const DataConfig& config, const std::vector<std::string>& columns);

}  // namespace tev
