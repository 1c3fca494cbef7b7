#pragma once
// The name of this machine.

#include <unistd.h>

#include <string>

namespace tev {

inline std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace tev
