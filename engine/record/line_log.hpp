#pragma once
// Lines with the time of day, by spdlog.
//
// line_log.cpp and progress_line.cpp see no Torch header: the wheel brings a copy of fmt, which does not fit the
// system's spdlog, and its include folder comes first.

#include <iosfwd>
#include <memory>
#include <string>

namespace tev {

/// Writes each line at once: a log of a killed run is complete.
class LineLog {
 public:
  /// The stream must outlive the log.
  explicit LineLog(std::ostream& stream);
  /// Appends to a file, made if it is not there.
  /// @throws std::exception  if it cannot be opened
  explicit LineLog(const std::string& path);
  ~LineLog();

  void line(const std::string& text);

 private:
  struct Logger;
  std::unique_ptr<Logger> logger_;
};

}  // namespace tev
