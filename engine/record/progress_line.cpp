#include "engine/record/progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

constexpr double rate_window = 10, rate_resolution = 0.2;  // seconds

std::string rate_text(double rate) {
  return rate < 10 ? fmt::format("{:.2g}", rate) : group_digits(std::llround(rate));
}

}  // namespace

ProgressStage::ProgressStage(std::string name, std::string unit, int64_t done, int64_t total, double now)
    : name_(std::move(name)), unit_(std::move(unit)), first_done_(done), done_(done), total_(total), started_(now) {
  recent_.emplace_back(now, done);
}

void ProgressStage::update(int64_t done, int64_t total, double now) {
  done_ = done;
  total_ = total;
  // The newest entry moves along until it is old enough to count as a point of its own.
  if (recent_.size() > 1 && now - recent_[recent_.size() - 2].first < rate_resolution) recent_.pop_back();
  recent_.emplace_back(now, done);
  while (recent_.size() > 2 && now - recent_[1].first >= rate_window) recent_.pop_front();
}

void ProgressStage::leave_out(double seconds) {
  started_ += seconds;
  for (auto& [time, done] : recent_) time += seconds;
}

double ProgressStage::rate() const {
  const auto& [first_time, first_done] = recent_.front();
  const auto& [last_time, last_done] = recent_.back();
  return last_time > first_time ? static_cast<double>(last_done - first_done) / (last_time - first_time) : 0;
}

std::string ProgressStage::figures(const std::string& separator) const {
  std::string text;
  const double per_second = rate();
  if (per_second > 0) {
    text += separator + rate_text(per_second) + " " + unit_ + "/s";
    if (total_ > 0) text += separator + "ETA " + duration_text(static_cast<double>(total_ - done_) / per_second);
  }
  return detail_.empty() ? text : text + separator + detail_;
}

std::string ProgressStage::log_text() const {
  const std::string count = total_ > 0 ? fmt::format("{}% ({} of {} {})", done_ * 100 / total_, group_digits(done_),
                                                     group_digits(total_), unit_)
                                       : group_digits(done_) + " " + unit_;
  return name_ + ": " + count + figures(", ");
}

std::string ProgressStage::bar_text(int width) const {
  constexpr int64_t bar_width = 20;
  std::string text = name_;
  if (total_ > 0) {
    const auto filled = static_cast<size_t>(std::clamp<int64_t>(done_ * bar_width / total_, 0, bar_width));
    text += fmt::format(" [{}{}] {:3d}%", std::string(filled, '#'), std::string(bar_width - filled, '-'),
                        done_ * 100 / total_);
  } else {
    text += "  " + group_digits(done_) + " " + unit_;
  }
  text += figures("  ");
  return text.substr(0, static_cast<size_t>(std::max(width - 1, 0)));  // the last column would wrap
}

std::string ProgressStage::end_text(double now) const {
  const double seconds = elapsed(now);
  const int64_t count = done_ - first_done_;
  const std::string speed =
      seconds > 0 ? fmt::format(" ({} {}/s)", rate_text(static_cast<double>(count) / seconds), unit_) : "";
  return fmt::format("{}: {} {} in {:.1f} s{}", name_, group_digits(count), unit_, seconds, speed) +
         (detail_.empty() ? "" : ", " + detail_);
}

std::string group_digits(int64_t number) {
  std::string text = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t position = text.size(); position > first + 3;) text.insert(position -= 3, 1, ',');
  return text;
}

std::string duration_text(double seconds) {
  const int64_t whole = std::isfinite(seconds) && seconds > 0 && seconds < 1e9 ? std::llround(seconds) : 0;
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string training_detail(double loss, double data_wait) {
  return fmt::format("loss {:.4g}, data wait {:.0f}%", loss, 100 * data_wait);
}

}  // namespace tev
