#pragma once
// How libraries speak to whoever runs them: they never print.

#include <cstdint>
#include <string>

namespace tev {

/// Receives what a long-running part has to say; engine/record turns it into log lines and progress bars.
class Messages {
 public:
  virtual ~Messages() = default;
  virtual void info(const std::string& text) = 0;
  virtual void warning(const std::string& text) = 0;
  /// Progress of a named stage; `total` 0 means unknown, done == total ends the stage. A stage that begins before another
  /// one of known total has ended is a part of it (validation in training): the outer one goes on afterwards.
  virtual void progress(const std::string& stage, int64_t done, int64_t total, const std::string& unit) = 0;
  /// What is shown behind the progress of the current stage (e.g. the loss), until the next call or the stage's end.
  virtual void progress_detail(const std::string& text) {}
  /// Ends a stage before it has reached its total.
  virtual void end_progress(const std::string& stage) {}
};

}  // namespace tev
