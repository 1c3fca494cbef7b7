#include "engine/record/line_log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/ostream_sink.h>

namespace tev {

/// A logger of our own, outside of spdlog's registry: two runs in one process do not share it.
struct LineLog::Logger {
  explicit Logger(spdlog::sink_ptr sink) : logger("tevatrain", std::move(sink)) {
    logger.set_pattern("[%H:%M:%S] %v");
    logger.flush_on(spdlog::level::info);
  }
  spdlog::logger logger;
};

LineLog::LineLog(std::ostream& stream)
    : logger_(std::make_unique<Logger>(std::make_shared<spdlog::sinks::ostream_sink_mt>(stream))) {}

LineLog::LineLog(const std::string& path)
    : logger_(std::make_unique<Logger>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path))) {}

LineLog::~LineLog() = default;

void LineLog::line(const std::string& text) { logger_->logger.info(text); }

}  // namespace tev
