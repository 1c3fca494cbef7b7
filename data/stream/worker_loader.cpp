#include "data/stream/worker_loader.hpp"

namespace tev {

void WorkerLoader::load(int64_t unit, Done done) {
  workers_.submit([this, unit, done = std::move(done)] {
    std::shared_ptr<const DecodedUnit> decoded;
    std::exception_ptr failure;
    try {
      decoded = std::make_shared<const DecodedUnit>(load_here(unit));
    } catch (...) {
      failure = std::current_exception();
    }
    done(std::move(decoded), std::move(failure));
  });
}

}  // namespace tev
