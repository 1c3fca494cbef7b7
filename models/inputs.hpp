#pragma once
// How a network finds its inputs in a DataSpec and in a batch.

#include "base/batch.hpp"
#include "base/data_spec.hpp"

namespace tev {

/// The ragged object that a network of rows reads.
/// @param name  value of the key; empty: the only ragged object there is
/// @param key   for messages
/// @throws      InputError when there is none, several and none is named, or the name is not one of them
const ObjectSpec& ragged_object(const DataSpec& spec, const std::string& name, const std::string& key = "model.object");

/// The dense object `event`.
/// @param reason  what needs it, e.g. "model.use_event"; begins the message
/// @throws        InputError when the configuration has no event features
const ObjectSpec& event_object(const DataSpec& spec, const std::string& reason);

/// Number of logits.
/// @param object  whose rows get them; empty: each event does
/// @throws        InputError for fewer than two classes, or when data.label says classes of something else
int64_t class_count(const DataSpec& spec, const std::string& object = "");

/// Columns of an object's features with these names.
/// @param key  of the names, for messages
/// @throws     InputError when one is not there
std::vector<int64_t> feature_columns(const ObjectSpec& object, const std::vector<std::string>& names, const std::string& key);

/// The column of an object in a batch.
/// @throws  Error when it is missing or its width is not that of the DataSpec
const Column& column_of(const Columns& inputs, const ObjectSpec& object);

}  // namespace tev
