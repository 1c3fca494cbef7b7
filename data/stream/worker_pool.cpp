#include "data/stream/worker_pool.hpp"

#include <ATen/Parallel.h>
#include <omp.h>

namespace tev {

void use_one_aten_thread() {
  // at::set_num_threads(1) would also become the default of every thread that starts later, the autograd engine's too.
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(1);
}

WorkerPool::WorkerPool(int64_t num_threads) {
  for (int64_t i = 0; i < num_threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    jobs_.clear();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::submit(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void WorkerPool::work() {
  use_one_aten_thread();
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (closing_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace tev
