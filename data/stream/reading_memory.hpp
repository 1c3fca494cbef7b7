#pragma once
// What reading keeps beside the units, as a part of the budget.

#include "data/catalog/catalog.hpp"
#include "data/stream/unit_store.hpp"

namespace tev {

/// Leaves the memory of decoding (for each worker), of the library and of the tables of where everything lies to them.
/// @param catalogs  of one file set or several; one may come twice
/// @param key       of the budget, and `advice` what to do, for the message
/// @throws InputError  more than half of the budget would go there
void set_reading_aside(UnitStore& store, const std::vector<const Catalog*>& catalogs, int64_t workers, const std::string& key, const std::string& advice);

}  // namespace tev
