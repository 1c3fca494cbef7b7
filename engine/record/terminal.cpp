#include "engine/record/terminal.hpp"

#include "base/check.hpp"
#include "engine/record/line_log.hpp"
#include "engine/record/progress_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>

namespace tev {
namespace {

constexpr double redraw_s = 0.1;     // faster is not seen
constexpr double short_stage_s = 1;  // a shorter stage leaves no line

bool can_move_cursor() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && terminal && std::string_view(terminal) != "dumb";
}

int standard_error_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

TerminalOutput standard_error_output() { return {&std::cerr, can_move_cursor(), standard_error_width, steady_seconds}; }

struct TerminalMessages::State {
  explicit State(TerminalOutput to) : output(std::move(to)), console(*output.stream) {}

  /// The bar is taken off the screen, the line written, the bar put back.
  void line(const std::string& text) {
    erase_bar();
    console.line(text);
    if (file) file->line(text);
    if (stage) draw_bar();
  }

  void erase_bar() {
    if (bar_shown) *output.stream << "\r\x1b[K" << std::flush;
    bar_shown = false;
  }

  void draw_bar() {
    if (!output.live) return;
    *output.stream << "\r" << stage->bar_text(output.width()) << "\x1b[K" << std::flush;
    bar_shown = true;
  }

  void end_stage() {
    if (!stage) return;
    const double now = output.clock();
    const std::string text = stage->elapsed(now) >= short_stage_s ? stage->end_text(now) : "";
    stage.reset();
    erase_bar();
    if (!text.empty()) line(text);
  }

  void show_stage(double now) {
    if (now - drawn >= redraw_s) {
      draw_bar();
      drawn = now;
    }
    if (now - logged >= output.interval_s) {
      if (!output.live) console.line(stage->log_text());
      if (file) file->line(stage->log_text());
      logged = now;
    }
  }

  TerminalOutput output;
  std::mutex mutex;
  LineLog console;
  std::optional<LineLog> file;
  std::optional<ProgressStage> stage;
  bool bar_shown = false;
  double drawn = 0, logged = 0;
};

TerminalMessages::TerminalMessages(TerminalOutput output) : state_(std::make_unique<State>(std::move(output))) {}

TerminalMessages::~TerminalMessages() { state_->erase_bar(); }

void TerminalMessages::also_write_to(const std::filesystem::path& path) {
  const std::lock_guard lock(state_->mutex);
  try {
    state_->file.emplace(path.string());
  } catch (const std::exception& error) {
    throw InputError(c10::str(path.string(), ": cannot be written (", error.what(), ")."));
  }
}

void TerminalMessages::info(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->line(text);
}

void TerminalMessages::warning(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->line("warning: " + text);
}

void TerminalMessages::progress(const std::string& stage, int64_t done, int64_t total, const std::string& unit) {
  const std::lock_guard lock(state_->mutex);
  auto& current = state_->stage;
  const double now = state_->output.clock();
  if (!current || current->name() != stage || done < current->done()) {
    state_->end_stage();
    current.emplace(stage, unit, done, total, now);
    state_->drawn = -std::numeric_limits<double>::infinity();
    state_->logged = now;
  }
  current->update(done, total, now);
  if (total > 0 && done >= total) {
    state_->end_stage();
  } else {
    state_->show_stage(now);
  }
}

void TerminalMessages::progress_detail(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stage) state_->stage->set_detail(text);
}

}  // namespace tev
