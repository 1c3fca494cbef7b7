#pragma once
// The text of prelude.ts.py, embedded when the library is built.

namespace tev {

/// TorchScript source of the physics functions that feature expressions may call.
extern const char* const prelude_source;

}  // namespace tev
