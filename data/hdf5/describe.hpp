#pragma once
// What lies in a file, for people (`tevatrain inspect`).

#include "data/hdf5/types.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tev::hdf5 {

/// One dataset of a file.
struct DatasetDescription {
  std::string path;
  std::vector<int64_t> shape;
  std::string type_text;
  std::vector<Member> members;                                  ///< of a compound dataset; empty for others
  std::string layout;                                           ///< chunked, contiguous, compact, virtual
  std::vector<int64_t> chunk;                                   ///< empty unless chunked
  std::vector<std::string> filters;                             ///< with their levels, in the order of writing
  std::string library_reason;                                   ///< why only the library can read it; empty: anyone can
  bool movable = true;                                          ///< repack can take it along
  bool readable = true;                                         ///< false: a filter has no plugin here
  int64_t storage_bytes = 0;                                    ///< on disk
  int64_t raw_bytes = 0;                                        ///< uncompressed
  std::vector<std::pair<std::string, std::string>> attributes;  ///< the short ones
};

/// All datasets, in alphabetical order of their paths. Reads no data.
/// @throws InputError  as File::open
std::vector<DatasetDescription> describe_file(const std::string& path);

}  // namespace tev::hdf5
