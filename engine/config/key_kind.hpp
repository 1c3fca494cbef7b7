#pragma once
// The name of a key's kind, as schema and reference page print it.

#include "base/config_fields.hpp"

namespace tev {

inline const char* key_kind_name(KeyKind kind) {
  switch (kind) {
    case KeyKind::performance: return "performance";
    case KeyKind::location: return "location";
    default: return "physics";
  }
}

}  // namespace tev
