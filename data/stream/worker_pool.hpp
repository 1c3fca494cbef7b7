#pragma once
// A fixed set of threads that run submitted jobs in the order of submission.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tev {

/// ATen runs single-threaded inside the workers: the training step owns the cores' thread pool.
class WorkerPool {
 public:
  explicit WorkerPool(int64_t num_threads);
  /// Jobs that have not started are dropped; running ones are waited for.
  ~WorkerPool();
  /// A job must not throw: it hands its failure to whoever waits for its result.
  void submit(std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

/// Gives the calling thread a one-thread ATen, without changing the process-wide number of threads.
void use_one_aten_thread();

}  // namespace tev
