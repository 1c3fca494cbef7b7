#pragma once
// Work that our Python package does in a process of its own.

#include <string>
#include <vector>

namespace tev {

/// Runs `python -m module arguments...` with our package on its path: the interpreter of the installation, or
/// $TEVATRAIN_PYTHON.
/// @return        its exit code
/// @throws Error  it cannot be started
int run_python_module(const std::string& module, const std::vector<std::string>& arguments);

}  // namespace tev
