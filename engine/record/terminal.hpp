#pragma once
// What a person sees of a run: messages as lines, progress as a live bar at a terminal, as a line now and then in a
// log.

#include "base/messages.hpp"

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>

namespace tev {

/// Where and how to write.
struct TerminalOutput {
  std::ostream* stream = nullptr;
  bool live = false;              ///< a terminal that can move its cursor: a bar is redrawn in place
  std::function<int()> width;     ///< columns of the terminal, asked for at each redraw
  std::function<double()> clock;  ///< seconds
  double interval_s = 10;         ///< between two progress lines of a log
};

/// Standard error: live if it is a terminal.
TerminalOutput standard_error_output();

/// Messages as lines with the time of day. Safe to call from several threads.
class TerminalMessages final : public Messages {
 public:
  explicit TerminalMessages(TerminalOutput output = standard_error_output());
  ~TerminalMessages() override;

  /// Appends every later line to this file too, progress as in a log.
  /// @throws InputError  if it cannot be written
  void also_write_to(const std::filesystem::path& file);

  void info(const std::string& text) override;
  void warning(const std::string& text) override;
  /// A stage that took a second or more leaves a line when it ends.
  void progress(const std::string& stage, int64_t done, int64_t total, const std::string& unit) override;
  void progress_detail(const std::string& text) override;
  void end_progress(const std::string& stage) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tev
