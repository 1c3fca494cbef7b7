#pragma once
// The one place outside a run that is written to.

#include <filesystem>

namespace tev {

/// $TEVATRAIN_CACHE, default ~/.cache/tevatrain. What is in it can be made again and is safe to delete.
std::filesystem::path cache_directory();

}  // namespace tev
