#pragma once
// The error text of a call.

#include <functional>
#include <string>

#include "base/check.hpp"

namespace tev::test {

/// What the tev::Error thrown by `call` says, or "no error".
inline std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace tev::test
