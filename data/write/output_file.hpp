#pragma once
// Whether a file may be written where people say.

#include <string>
#include <vector>

namespace tev {

/// @param where  begins the message
/// @throws InputError  the path is one of the inputs, by whatever name
void check_apart(const std::string& where, const std::string& path, const std::vector<std::string>& inputs);

/// Refuses to replace what is not an earlier output of the same command. To be called on the catalog thread, before anything is computed.
/// @param option    that names the path, for messages
/// @param inputs    files that are read
/// @param datasets  that each output of the command has
/// @throws InputError  as check_apart, or there is something else
void check_output(const std::string& option, const std::string& path, const std::vector<std::string>& inputs, const std::vector<std::string>& datasets);

}  // namespace tev
