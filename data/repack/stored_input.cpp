#include "data/repack/stored_input.hpp"

#include "base/check.hpp"
#include "data/catalog/catalog.hpp"
#include "data/order/shuffle_plan.hpp"
#include "data/repack/stored_columns.hpp"
#include "data/stream/memory_limit.hpp"
#include "data/stream/reading_memory.hpp"
#include "data/stream/shuffle_advice.hpp"
#include "data/stream/worker_loader.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>

namespace tev {
namespace {

/// Batches made ahead where this holds them, and those in the making: one from the pieces of two windows, and one that is written.
constexpr int64_t kQueuedBatches = 4, kQueuedBytes = int64_t{4} << 20, kBatchesInTheMaking = 3;

/// Any layout's datasets can be named as those of flat files.
constexpr const char* kLayout = "flat";

/// Units of rows as they are stored.
class StoredUnits final : public WorkerLoader {
 public:
  StoredUnits(std::shared_ptr<Catalog> catalog, std::vector<RepackColumn> columns, WorkerPool& workers)
      : WorkerLoader(workers), catalog_(std::move(catalog)), columns_(std::move(columns)) {}

  /// Rows of variable length are there three times for a moment: the library's, all in a row, and the tensor.
  int64_t reserve_bytes(int64_t unit) const override { return 3 * catalog_->units()[unit].stored_bytes + 4096; }

 private:
  void expect(int64_t unit) const override { catalog_->expect(unit); }

  DecodedUnit load_here(int64_t unit) const override {
    DecodedUnit decoded;
    decoded.num_events = catalog_->units()[unit].num_events;
    decoded.first_sample_id = catalog_->first_sample_id(unit);
    const auto values = catalog_->read(unit);
    for (size_t i = 0; i < columns_.size(); ++i) decoded.inputs[columns_[i].written.dataset] = {values[i].values, values[i].offsets};
    decoded.label = decoded.weight = at::zeros({decoded.num_events}, at::kByte);  // batches have them; nobody reads these
    return decoded;
  }

  std::shared_ptr<Catalog> catalog_;
  std::vector<RepackColumn> columns_;
};

class StoredInput final : public RepackInput {
 public:
  StoredInput(const std::vector<std::string>& files, const std::vector<std::string>& left_out, const std::vector<std::string>& copied,
              const RepackResources& resources)
      : first_file_(files.front()), resources_(resources), workers_(resources.workers),
        store_(loading_budget_bytes(resources.budget_mib) - StoredInput::writing_bytes()) {
    const StoredColumns stored = thread_.run([&] { return stored_columns(files.front(), left_out, copied); });
    for (size_t i = 1; i < files.size(); ++i)
      thread_.run([&] { check_same_datasets(files.front(), files[i], left_out, stored.copied); });
    columns_ = stored.columns;
    copied_ = stored.copied;
    groups_ = stored.groups;
    notes_ = stored.notes;
    catalog_ = Catalog::open(kLayout, files, stored.requests, thread_);
    units_ = std::make_unique<StoredUnits>(catalog_, columns_, workers_);
    auto rows = std::make_shared<std::vector<int64_t>>();
    for (const auto& unit : catalog_->units()) rows->push_back(unit.num_events);
    unit_rows_ = std::move(rows);
    const int64_t batches = queue_bytes() + kBatchesInTheMaking * batch_bytes();
    TEV_CHECK_INPUT(batches < store_.budget_bytes(), "--budget-mib: batches take ", batches >> 20, " MiB, of ", store_.budget_bytes() >> 20,
                    " MiB for reading (the rest is for writing). Raise --budget-mib.");
    store_.set_aside(batches);
    set_reading_aside(store_, {catalog_.get()}, resources.workers, "--budget-mib", "Raise --budget-mib, or lower --workers.");
  }

  std::vector<std::string> file_paths() const override { return catalog_->file_paths(); }
  std::string described_by() const override { return first_file_; }
  int64_t num_events() const override { return catalog_->num_events(); }
  int64_t bytes_per_event() const override { return std::max<int64_t>(1, catalog_->stored_bytes() / num_events()); }
  int64_t most_event_bytes() const override { return catalog_->most_event_bytes(); }
  uint64_t fingerprint() override { return catalog_->fingerprint(resources_.workers); }
  CatalogThread& catalog_thread() override { return thread_; }
  int64_t writing_bytes() const override { return loading_budget_bytes(resources_.budget_mib) / kWritingDivisor; }

  ShuffleSpec shuffle(const RepackOrder& order) const override {
    return plan_shuffle(*unit_rows_, choose_shuffle_rows(order.shuffle_rows, *unit_rows_, catalog_->event_bytes()));
  }

  std::unique_ptr<BatchStream> stream(const RepackOrder& order, int64_t batch_size, int64_t first_step) override {
    const ShuffleSpec shuffle = this->shuffle(order);
    const int64_t lanes = order.shuffled ? shuffle.lanes : 1, window_rows = order.shuffled ? shuffle.window_rows : pass_window_rows(*unit_rows_);
    StreamSpec spec;
    spec.order = {order.seed, unit_rows_, lanes, window_rows, batch_size};
    spec.shuffled = order.shuffled;
    spec.first_step = first_step;
    spec.prefetch = kQueuedBatches;
    spec.queue_bytes = queue_bytes();
    spec.budget_advice = [this, order, held = std::min(num_events(), lanes * window_rows)](const PinQuota& quota) {
      const int64_t fits = order.shuffled ? rows_that_fit(*unit_rows_, quota, static_cast<double>(store_.budget_bytes()), *units_, held).rows : 0;
      return c10::str("--budget-mib: ", held, " events that are ", order.shuffled ? "shuffled" : "held", " together do not fit into ", loading_budget_bytes(resources_.budget_mib) >> 20,
                      " MiB. Raise --budget-mib", fits > 0 ? c10::str(", or set --shuffle-rows ", fits) : "", ".");
    };
    return std::make_unique<BatchStream>(store_, *units_, std::move(spec));
  }

 private:
  int64_t batch_bytes() const { return repack_batch_size(bytes_per_event(), most_event_bytes()) * most_event_bytes(); }
  int64_t queue_bytes() const { return std::max(kQueuedBytes, batch_bytes()); }

  const std::string first_file_;
  const RepackResources resources_;
  CatalogThread thread_;
  WorkerPool workers_;
  std::shared_ptr<Catalog> catalog_;
  std::shared_ptr<const std::vector<int64_t>> unit_rows_;
  std::unique_ptr<StoredUnits> units_;
  UnitStore store_;
};

}  // namespace

std::unique_ptr<RepackInput> open_stored_input(const std::vector<std::string>& files, const std::vector<std::string>& left_out,
                                               const std::vector<std::string>& copied, const RepackResources& resources) {
  return std::make_unique<StoredInput>(files, left_out, copied, resources);
}

}  // namespace tev
