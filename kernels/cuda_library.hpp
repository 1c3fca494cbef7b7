#pragma once
// Where the library of the operators lies, and its CUDA half: a library of its own, which only a process that needs it loads.

#include <string>

namespace tev {

/// The library of the operators in this process. @throws Error  it does not know where it lies
std::string operator_library();

/// Loads the CUDA kernels, and with them LibTorch's, which make the start of a program longer. Once a process. Comes before
/// anything asks LibTorch for CUDA or sets its seed: LibTorch remembers that there was none.
/// @throws Error  the library is not there or cannot be loaded; always where none was built
void load_cuda_kernels();

/// Whether there is a CUDA device for kernels that were built; loads them then.
bool has_cuda();

}  // namespace tev
