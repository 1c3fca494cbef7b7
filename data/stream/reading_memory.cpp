#include "data/stream/reading_memory.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <set>

namespace tev {

void set_reading_aside(UnitStore& store, const std::vector<const Catalog*>& catalogs, int64_t workers, const std::string& key, const std::string& advice) {
  int64_t scratch = 0, library = 0, tables = 0;
  for (const Catalog* catalog : std::set<const Catalog*>(catalogs.begin(), catalogs.end())) {
    scratch = std::max(scratch, catalog->scratch_bytes());
    library = std::max(library, catalog->library_bytes());
    tables += catalog->table_bytes();
  }
  const int64_t decoding = scratch * workers + library, total = decoding + tables;
  TEV_CHECK_INPUT(total < store.budget_bytes() / 2, key, ": ", workers, workers == 1 ? " worker needs " : " workers need ", decoding >> 20,
                  " MiB to decode chunks of these files", tables >> 20 > 0 ? c10::str(" and ", tables >> 20, " MiB to know where they lie") : "", ", of ",
                  store.budget_bytes() >> 20,
                  " MiB for events (less than half may go there). ", advice);
  store.set_aside(total);
}

}  // namespace tev
