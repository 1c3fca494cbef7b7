#pragma once
// How C++ calls a registered operator: through the dispatcher, as Python does.

#include <ATen/core/dispatch/Dispatcher.h>

namespace tev {

/// Keep it in a static: finding it takes a lock.
/// @param name  "tev::sparse_conv"
template <class Signature>
auto operator_handle(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace tev
