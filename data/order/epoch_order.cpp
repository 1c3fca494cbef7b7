#include "data/order/epoch_order.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/seed.hpp"
#include "data/order/shuffle_plan.hpp"
#include "data/order/unit_order.hpp"

namespace tev {
namespace {

constexpr int64_t kMostSamples = int64_t{1} << 62;

void check_spec(const OrderSpec& spec) {
  TEV_CHECK(spec.unit_rows != nullptr, "data.order: no list of units (the catalog makes it)");
  TEV_CHECK_INPUT(spec.batch_size >= 1, "train.batch_size: ", spec.batch_size,
                  " is below 1. Give the events of a batch over all ranks.");
  TEV_CHECK_INPUT(spec.lanes >= 1 && spec.lanes <= kMaxLanes && std::has_single_bit(static_cast<uint64_t>(spec.lanes)),
                  "data.order: ", spec.lanes, " lanes (a power of two up to ", kMaxLanes, "). Use plan_shuffle.");
  TEV_CHECK_INPUT(spec.window_rows >= 1, "data.order: windows of ", spec.window_rows,
                  " rows (at least 1). Use plan_shuffle.");
}

void check_rank(int64_t lanes, int64_t rank, int64_t world) {
  check_ranks(lanes, world);
  TEV_CHECK(rank >= 0 && rank < world, "data.order: no rank ", rank, " of ", world, " ranks");
}

}  // namespace

void check_ranks(int64_t lanes, int64_t world) {
  if (world >= 1 && lanes % world == 0) return;
  std::string allowed = "1";
  for (int64_t ranks = 2; ranks <= lanes; ranks *= 2) allowed += ", " + std::to_string(ranks);
  TEV_CHECK_INPUT(false, "data.order: ", world, " ranks cannot share ", lanes,
                  " lanes (a rank takes whole lanes, so the number of ranks must divide them: ", allowed,
                  "). Start one of these numbers of ranks; more lanes need a larger data.shuffle_rows or smaller ",
                  "chunks.");
}

EpochOrder::EpochOrder(OrderSpec spec, int64_t epoch) : EpochOrder(std::move(spec), epoch, Shuffle::on) {}

EpochOrder EpochOrder::sequential(std::shared_ptr<const std::vector<int64_t>> unit_rows, int64_t batch_size,
                                  int64_t window_rows, int64_t lanes) {
  return EpochOrder(OrderSpec{0, std::move(unit_rows), lanes, window_rows, batch_size}, 0, Shuffle::off);
}

EpochOrder::EpochOrder(OrderSpec spec, int64_t epoch, Shuffle shuffle)
    : spec_(std::move(spec)), epoch_(epoch), shuffle_(shuffle), cut_{0, spec_.lanes} {
  check_spec(spec_);
  TEV_CHECK_INPUT(epoch >= 0, "data.order: epoch ", epoch, " is negative. Count epochs from 0.");
  const std::vector<int64_t>& rows = *spec_.unit_rows;
  for (size_t unit = 0; unit < rows.size(); ++unit) {
    TEV_CHECK_INPUT(rows[unit] >= 0 && rows[unit] <= kMostSamples - cut_.num_samples, "data.order: unit ", unit, " has ",
                    rows[unit], " rows after ", cut_.num_samples, " (at least 0, all together at most 2^62).",
                    " Check the input files.");
    cut_.num_samples += rows[unit];
    if (rows[unit] > 0) unit_at_.push_back(static_cast<int64_t>(unit));
  }
  arrange_units();
}

void EpochOrder::arrange_units() {
  if (shuffle_ == Shuffle::on) {
    const uint64_t key = seed_key(spec_.seed, SeedUse::unit_order, epoch_);
    std::vector<int64_t> rows;
    rows.reserve(unit_at_.size());
    for (const int64_t unit : unit_at_) rows.push_back((*spec_.unit_rows)[unit]);
    std::vector<int64_t> order = stratified_unit_order(key, rows, spec_.lanes, spec_.window_rows);
    for (int64_t& unit : order) unit = unit_at_[unit];
    unit_at_ = std::move(order);
  }
  stream_offsets_.reserve(unit_at_.size() + 1);
  stream_offsets_.push_back(0);
  for (const int64_t unit : unit_at_) stream_offsets_.push_back(stream_offsets_.back() + (*spec_.unit_rows)[unit]);
}

int64_t EpochOrder::num_steps() const { return divide_up(cut_.num_samples, spec_.batch_size); }

int64_t EpochOrder::num_windows() const { return divide_up(cut_.longest(), spec_.window_rows); }

std::pair<int64_t, int64_t> EpochOrder::positions(int64_t step) const {
  TEV_CHECK(step >= 0 && step < num_steps(), "data.order: no step ", step, " in an epoch of ", num_steps(), " steps");
  const int64_t first = step * spec_.batch_size;
  return {first, first + std::min(spec_.batch_size, cut_.num_samples - first)};
}

std::pair<int64_t, int64_t> EpochOrder::lane_and_offset(int64_t position) const {
  const int64_t in_last_round = position - cut_.quotient() * spec_.lanes;
  if (in_last_round < 0) return {position % spec_.lanes, position / spec_.lanes};
  // Lane l begins at l*quotient + floor(l*remainder/L): the j-th of the longer lanes (from 0) is the first l with
  // (l+1)*remainder >= (j+1)*L.
  return {divide_up((in_last_round + 1) * spec_.lanes, cut_.remainder()) - 1, cut_.quotient()};
}

EpochOrder::Window EpochOrder::window(int64_t lane, int64_t index) const {
  const int64_t begin = cut_.begin(lane), end = cut_.begin(lane + 1);
  Window window;
  window.index = index;
  window.first_offset = index * spec_.window_rows;
  window.begin = begin + window.first_offset;
  window.size = std::clamp<int64_t>(end - window.begin, 0, spec_.window_rows);
  if (shuffle_ == Shuffle::on) window.order.emplace(seed_key(spec_.seed, SeedUse::window_order, epoch_, lane, index), window.size);
  if (window.size > 0) {
    const auto place_of = [this](int64_t sample) {
      return std::upper_bound(stream_offsets_.begin(), stream_offsets_.end(), sample) - stream_offsets_.begin() - 1;
    };
    window.first_place = place_of(window.begin);
    window.last_place = place_of(window.begin + window.size - 1);
  }
  return window;
}

Placement EpochOrder::place(const Window& window, int64_t offset) const {
  int64_t within = offset - window.first_offset;
  if (window.order) within = (*window.order)(within);
  const int64_t sample = window.begin + within;
  const auto first = stream_offsets_.begin() + window.first_place;
  const auto last = stream_offsets_.begin() + window.last_place + 1;
  const int64_t place = std::upper_bound(first, last, sample) - stream_offsets_.begin() - 1;
  return {unit_at_[place], sample - stream_offsets_[place], window.index};
}

Placement EpochOrder::at(int64_t position) const {
  TEV_CHECK(position >= 0 && position < cut_.num_samples, "data.order: no position ", position, " in an epoch of ",
            cut_.num_samples, " samples");
  const auto [lane, offset] = lane_and_offset(position);
  return place(window(lane, offset / spec_.window_rows), offset);
}

void EpochOrder::batch(int64_t step, int64_t rank, int64_t world, std::vector<Placement>& out) const {
  check_rank(spec_.lanes, rank, world);
  out.clear();
  std::array<Window, kMaxLanes> current;
  const auto [first, last] = positions(step);
  for (int64_t position = first; position < last; ++position) {
    const auto [lane, offset] = lane_and_offset(position);
    if (lane % world != rank) continue;
    const int64_t index = offset / spec_.window_rows;
    if (current[lane].index != index) current[lane] = window(lane, index);
    out.push_back(place(current[lane], offset));
  }
}

int64_t EpochOrder::window_of_position(int64_t position) const {
  return lane_and_offset(position).second / spec_.window_rows;
}

std::vector<int64_t> EpochOrder::window_units(int64_t index, int64_t rank, int64_t world) const {
  check_rank(spec_.lanes, rank, world);
  TEV_CHECK(index >= 0 && index < num_windows(), "data.order: no window ", index, " of ", num_windows());
  std::vector<int64_t> units;
  for (int64_t lane = rank; lane < spec_.lanes; lane += world) {
    const Window lane_window = window(lane, index);
    if (lane_window.size == 0) continue;
    for (int64_t place = lane_window.first_place; place <= lane_window.last_place; ++place)
      units.push_back(unit_at_[place]);
  }
  std::sort(units.begin(), units.end());
  units.erase(std::unique(units.begin(), units.end()), units.end());
  return units;
}

}  // namespace tev
