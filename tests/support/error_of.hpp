#pragma once
// What a call that must fail says.

#include <string>
#include <type_traits>

#include "base/check.hpp"

namespace tev::test {

/// Message of the exception that `call` throws, "" when it throws none.
/// `Kind` pins the exit code: InputError is 2, any other Error 1.
template <class Kind, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Kind& error) {
    if (std::is_same_v<Kind, Error> && dynamic_cast<const InputError*>(&error))
      return "an InputError: " + std::string(error.what());
    return error.what();
  }
  return "";
}

}  // namespace tev::test
