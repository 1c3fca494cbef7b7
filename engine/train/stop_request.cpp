#include "engine/train/stop_request.hpp"

#include <csignal>

namespace tev {
namespace {

volatile std::sig_atomic_t requested_signal = 0;
constexpr int stop_signals[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT};

void remember_signal(int signal) {
  requested_signal = signal;
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);  // the next Ctrl-C ends the process
}

}  // namespace

StopRequest::StopRequest() {
  requested_signal = 0;
  for (const int signal : stop_signals) {
    struct sigaction action = {};
    action.sa_handler = remember_signal;
    action.sa_flags = SA_RESTART;  // reads and writes under way are not disturbed
    sigaction(signal, &action, nullptr);
  }
}

StopRequest::~StopRequest() {
  for (const int signal : stop_signals) std::signal(signal, SIG_DFL);
}

int StopRequest::signal() const { return requested_signal; }

}  // namespace tev
