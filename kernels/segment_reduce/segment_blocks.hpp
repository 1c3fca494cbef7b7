#pragma once
// How the CPU shares ragged rows among threads: in blocks whose borders no thread count changes.

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tev {

/// A segment of more rows than a block. Its blocks are `first_slot`, `first_slot + 1`, ... of the partial results.
struct LongSegment {
  int64_t segment;
  int64_t first_slot;
};

/// Segments cut into blocks of at most `block_rows` rows, counted from the start of the segment.
class SegmentBlocks {
 public:
  static constexpr int64_t no_slot = -1;

  /// @param offsets  num_segments + 1 numbers, 0 first, nondecreasing; they must outlive this object
  SegmentBlocks(const int64_t* offsets, int64_t num_segments, int64_t block_rows)
      : offsets_(offsets), num_segments_(num_segments), block_rows_(block_rows) {
    int64_t longest = 0;
    for (int64_t s = 0; s < num_segments; ++s) longest = std::max(longest, offsets[s + 1] - offsets[s]);
    for (int64_t s = 0; longest > block_rows && s < num_segments; ++s)
      if (offsets[s + 1] - offsets[s] > block_rows) {
        long_segments_.push_back({s, num_slots_});
        num_slots_ += num_blocks(s);
      }
  }

  const std::vector<LongSegment>& long_segments() const { return long_segments_; }
  int64_t num_slots() const { return num_slots_; }
  int64_t num_blocks(int64_t segment) const {
    return (offsets_[segment + 1] - offsets_[segment] + block_rows_ - 1) / block_rows_;
  }

  /// Calls body(segment, begin, end, slot) in parallel, once a block, with no_slot where the block is a whole segment;
  /// an empty segment is one empty block.
  /// Work is counted as rows + segments, so that neither many rows nor many empty segments leave a thread behind.
  /// @param grain   the least work, in rows, that is worth a thread
  /// @param at_end  called once by each thread when its blocks are done
  template <class Body, class AtEnd>
  void parallel_for(int64_t grain, const Body& body, const AtEnd& at_end) const {
    at::parallel_for(0, work_before(num_segments_), std::max<int64_t>(grain, 1), [&](int64_t begin, int64_t end) {
      for (int64_t s = segment_at(begin); s < num_segments_ && work_before(s) < end; ++s)
        visit_blocks(s, begin, end, body);
      at_end();
    });
  }

 private:
  int64_t work_before(int64_t segment) const { return offsets_[segment] + segment; }

  /// The segment whose share of the work holds position `work`: the last with work_before(segment) <= work.
  int64_t segment_at(int64_t work) const {
    int64_t low = 0, high = num_segments_;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (work_before(middle) <= work ? low : high) = middle;
    }
    return low;
  }

  /// A block belongs to the thread in whose range [work_begin, work_end) it starts.
  template <class Body>
  void visit_blocks(int64_t segment, int64_t work_begin, int64_t work_end, const Body& body) const {
    const int64_t start = offsets_[segment], stop = offsets_[segment + 1], work = work_before(segment);
    if (stop - start <= block_rows_) {
      if (work >= work_begin) body(segment, start, stop, no_slot);
      return;
    }
    const int64_t skipped = std::max<int64_t>(work_begin - work + block_rows_ - 1, 0) / block_rows_;
    const auto found = std::lower_bound(long_segments_.begin(), long_segments_.end(), segment,
                                        [](const LongSegment& item, int64_t s) { return item.segment < s; });
    for (int64_t k = skipped; k < num_blocks(segment) && work + k * block_rows_ < work_end; ++k)
      body(segment, start + k * block_rows_, std::min(start + (k + 1) * block_rows_, stop), found->first_slot + k);
  }

  const int64_t* offsets_;
  int64_t num_segments_;
  int64_t block_rows_;
  int64_t num_slots_ = 0;
  std::vector<LongSegment> long_segments_;
};

}  // namespace tev
