#pragma once
// The layouts that are known by name.

#include "data/readers/reader.hpp"

#include <future>

namespace tev {

class PlanCache;

/// Opens a file for a list of fields. The catalog thread finds the fields of a next file while this one is cut into units.
/// @param layout  the configuration's data.reader
/// @param thread  must outlive what is returned, like the cache
/// @param cache   where what is found is kept, so that the file need not be opened the next time; null: nowhere
/// @return        throws InputError: a file that cannot be opened; a field that is missing, has no numbers or is too
///                short. Of the data only what divides flat rows is read yet.
/// @throws InputError  unknown layout
std::future<std::unique_ptr<Reader>> start_reader(const std::string& layout, const std::string& path, const std::vector<FieldRequest>& requests,
                                                  CatalogThread& thread, const PlanCache* cache = nullptr);

/// The same, at once.
std::unique_ptr<Reader> open_reader(const std::string& layout, const std::string& path,
                                    const std::vector<FieldRequest>& requests, CatalogThread& thread, const PlanCache* cache = nullptr);

/// The layout in which a file holds a field: pandas_table where it is no dataset and the file is a pandas table, else
/// compound, which reads plain datasets too.
std::string layout_of(const std::string& path, const std::string& field, CatalogThread& thread);

/// Names of the layouts, in alphabetical order.
std::vector<std::string> reader_names();

}  // namespace tev
