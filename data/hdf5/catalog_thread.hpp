#pragma once
// The one thread on which HDF5 is touched.

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>

namespace tev {

/// A thread with a queue. HDF5 takes one global lock a call and its plugins trust nobody else to be there: all calls
/// are made here, so that no other thread ever waits inside the library or forks while it works.
class CatalogThread {
 public:
  CatalogThread();
  /// Does what is still queued, then ends.
  ~CatalogThread();
  CatalogThread(const CatalogThread&) = delete;
  CatalogThread& operator=(const CatalogThread&) = delete;

  /// Queues a job; what it returns or throws comes out of the future. Callable from any thread; done in place on this one.
  template <class Job>
  auto submit(Job&& job) -> std::future<std::invoke_result_t<Job>> {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Job>()>>(std::forward<Job>(job));
    auto future = task->get_future();
    if (std::this_thread::get_id() == thread_.get_id())
      (*task)();
    else
      push([task] { (*task)(); });
    return future;
  }

  /// Does a job and waits for it.
  template <class Job>
  auto run(Job&& job) -> std::invoke_result_t<Job> {
    return submit(std::forward<Job>(job)).get();
  }

 private:
  void push(std::function<void()> job);
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace tev
