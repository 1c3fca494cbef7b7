#pragma once
// How far a stage has come, in words.

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace tev {

/// What a stage has said so far. Times are seconds of any clock.
class ProgressStage {
 public:
  ProgressStage(std::string name, std::string unit, int64_t done, int64_t total, double now);

  void update(int64_t done, int64_t total, double now);
  /// Leaves a time, in which nothing of this stage was done, out of its rates.
  void leave_out(double seconds);
  void set_detail(std::string text) { detail_ = std::move(text); }

  const std::string& name() const { return name_; }
  int64_t done() const { return done_; }
  bool has_total() const { return total_ > 0; }
  double elapsed(double now) const { return now - started_; }

  /// "train: 45% (4,500 of 10,000 jets), 2,310 jets/s, ETA 0:34, loss 0.3412": a line of a log.
  std::string log_text() const;
  /// "train [####------]  45%  2,310 jets/s  ETA 0:34  loss 0.3412", cut to the width of the terminal.
  std::string bar_text(int width) const;
  /// "train: 10,000 jets in 4.3 s (2,325 jets/s)".
  std::string end_text(double now) const;

 private:
  double rate() const;
  /// " jets/s, ETA ..." parts that both forms share, each behind `separator`.
  std::string figures(const std::string& separator) const;

  std::string name_, unit_, detail_;
  int64_t first_done_, done_, total_;
  double started_;
  std::deque<std::pair<double, int64_t>> recent_;  // (time, done) of the last seconds, for the rate
};

/// 12,345,678.
std::string group_digits(int64_t number);

/// "0:34", "12:05", "3:04:05".
std::string duration_text(double seconds);

/// What training shows behind its bar: "loss 0.3412, data wait 3%".
/// @param data_wait  share of the time in which the step waited for its batch, 0 to 1
std::string training_detail(double loss, double data_wait);

}  // namespace tev
