#pragma once
// Exceptions and checks. A library throws; only engine/cli prints and exits.
//
// Message grammar: <where>: <problem, with the value> (<what was expected, why>). <what to do>.

#include <c10/util/StringUtil.h>

#include <stdexcept>

namespace tev {

/// A failure of the program or the machine: exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A wrong configuration or a wrong input file: exit code 2.
class InputError : public Error {
 public:
  using Error::Error;
};

}  // namespace tev

/// Throws tev::Error with the streamed message unless the condition holds; always on.
#define TEV_CHECK(condition, ...)                          \
  do {                                                     \
    if (!(condition)) throw ::tev::Error(c10::str(__VA_ARGS__)); \
  } while (false)

/// The same for what the user wrote or gave: throws tev::InputError.
#define TEV_CHECK_INPUT(condition, ...)                         \
  do {                                                          \
    if (!(condition)) throw ::tev::InputError(c10::str(__VA_ARGS__)); \
  } while (false)

/// Preconditions between our own functions: checked in debug and sanitizer builds only.
#if defined(TEV_DEBUG) || !defined(NDEBUG)
#define TEV_EXPECT(condition) TEV_CHECK(condition, __FILE__, ":", __LINE__, ": precondition failed: ", #condition)
#else
#define TEV_EXPECT(condition) static_cast<void>(0)
#endif
