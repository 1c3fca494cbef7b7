#pragma once
// Signals that ask a run to stop: SIGTERM, SIGUSR1, SIGUSR2 (batch systems) and SIGINT (a person).

namespace tev {

/// While alive, the signals only set a flag, which the trainer reads between steps; a second SIGINT ends the process at once.
/// One instance at a time: signal handlers are process-wide.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// The signal that asked for the stop, 0 if none did.
  int signal() const;
};

}  // namespace tev
