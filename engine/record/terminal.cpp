#include "engine/record/terminal.hpp"

#include "base/check.hpp"
#include "engine/record/line_log.hpp"
#include "engine/record/progress_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

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
    if (!stages.empty()) draw_bar();
  }

  void erase_bar() {
    if (bar_shown) *output.stream << "\r\x1b[K" << std::flush;
    bar_shown = false;
  }

  void draw_bar() {
    if (!output.live) return;
    *output.stream << "\r" << stages.back().bar_text(output.width()) << "\x1b[K" << std::flush;
    bar_shown = true;
  }

  /// The innermost stage ends; the one around it goes on as if no time had passed.
  void end_stage(double now) {
    const ProgressStage ended = std::move(stages.back());
    stages.pop_back();
    erase_bar();
    if (!stages.empty()) stages.back().leave_out(ended.elapsed(now));
    if (ended.elapsed(now) >= short_stage_s) line(ended.end_text(now));
  }

  bool has_stage(const std::string& name) const {
    return std::any_of(stages.begin(), stages.end(), [&](const auto& stage) { return stage.name() == name; });
  }

  /// Makes the named stage, which there is, the innermost one.
  void end_stages_inside(const std::string& name, double now) {
    while (stages.back().name() != name) end_stage(now);
  }

  void begin_stage(ProgressStage stage, double now) {
    while (!stages.empty() && !stages.back().has_total()) end_stage(now);
    stages.push_back(std::move(stage));
    drawn = -std::numeric_limits<double>::infinity();
    logged = now;
  }

  void show_stage(double now) {
    if (now - drawn >= redraw_s) {
      draw_bar();
      drawn = now;
    }
    if (now - logged >= output.interval_s) {
      const std::string text = stages.back().log_text();
      if (!output.live) console.line(text);
      if (file) file->line(text);
      logged = now;
    }
  }

  TerminalOutput output;
  std::mutex mutex;
  LineLog console;
  std::optional<LineLog> file;
  std::vector<ProgressStage> stages;  // each a part of the one before
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
  const double now = state_->output.clock();
  bool is_new = !state_->has_stage(stage);
  if (!is_new) {
    state_->end_stages_inside(stage, now);
    is_new = done < state_->stages.back().done();
    if (is_new) state_->end_stage(now);
  }
  if (is_new) state_->begin_stage({stage, unit, done, total, now}, now);
  state_->stages.back().update(done, total, now);
  if (total > 0 && done >= total) {
    state_->end_stage(now);
  } else {
    state_->show_stage(now);
  }
}

void TerminalMessages::progress_detail(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->stages.empty()) state_->stages.back().set_detail(text);
}

void TerminalMessages::end_progress(const std::string& stage) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->has_stage(stage)) return;
  const double now = state_->output.clock();
  state_->end_stages_inside(stage, now);
  state_->end_stage(now);
}

}  // namespace tev
