#include "data/readers/convert_members.hpp"

#include "base/check.hpp"

#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tev {
namespace {

using decode::RowBlock;
using decode::Run;

template <class Source, class Target>
bool convert_value(Source value, Target& out) {
  out = static_cast<Target>(value);
  return true;
}

template <class Source>
bool convert_value(Source value, int64_t& out) {
  if constexpr (std::is_floating_point_v<Source>) {
    // 2^63 is a float, the largest int64 is not.
    if (!(std::abs(value) < Source{9223372036854775808.0}) || value != std::trunc(value)) return false;
  } else if constexpr (std::is_same_v<Source, uint64_t>) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
  }
  out = static_cast<int64_t>(value);
  return true;
}

/// A number at any address: records have no gaps.
template <class Source, bool Swapped>
auto load(const char* from) {
  char bytes[sizeof(Source)];
  if constexpr (Swapped) {
    for (size_t i = 0; i < sizeof(Source); ++i) bytes[i] = from[sizeof(Source) - 1 - i];
  } else {
    std::memcpy(bytes, from, sizeof(Source));
  }
  Source value;
  std::memcpy(&value, bytes, sizeof(Source));
  if constexpr (std::is_same_v<Source, c10::Half>)
    return static_cast<float>(value);
  else
    return value;
}

/// `count` numbers that lie `source_step` bytes apart, to `target_step` values apart.
template <class Source, bool Swapped, class Target>
bool convert_run(const char* source, int64_t source_step, Target* out, int64_t target_step, int64_t count) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(Source));
  bool good = true;
  if (source_step == kSize && target_step == 1) {
    if constexpr (std::is_same_v<Source, Target> && !Swapped)
      std::memcpy(out, source, static_cast<size_t>(count) * sizeof(Target));
    else
      for (int64_t i = 0; i < count; ++i) good &= convert_value(load<Source, Swapped>(source + i * kSize), out[i]);
  } else {
    for (int64_t i = 0; i < count; ++i)
      good &= convert_value(load<Source, Swapped>(source + i * source_step), out[i * target_step]);
  }
  return good;
}

/// Numbers at equal distances in a record's bytes and in an event's values.
struct Series {
  int64_t count, source_step, target_step;
};

/// Converts those of a series that lie in the wanted range: values [0, width) of the event, of which `position` is the first.
template <class Source, bool Swapped, class Target>
bool convert_series(const char* source, const Series& series, int64_t position, int64_t width, Target* out) {
  const int64_t step = series.target_step;
  const int64_t begin = position < 0 ? std::min(series.count, (step - 1 - position) / step) : 0;
  const int64_t end = position < width ? std::min(series.count, (width - position + step - 1) / step) : 0;
  return begin >= end || convert_run<Source, Swapped>(source + begin * series.source_step, series.source_step,
                                                      out + position + begin * step, step, end - begin);
}

template <class Source, bool Swapped, class Target>
bool convert_records(const char* source, const Run& run, const RecordShape& shape, const MemberCopy& member, Target* out) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(Source));
  const int64_t width = shape.last - shape.first;
  int64_t position = run.target * shape.record_width + member.target_offset - shape.first;
  const bool packed = shape.record_bytes == member.count * kSize && shape.record_width == member.count;
  if (packed) return convert_series<Source, Swapped>(source, {run.count * member.count, kSize, 1}, position, width, out);
  if (member.count == 1)
    return convert_series<Source, Swapped>(source, {run.count, shape.record_bytes, shape.record_width}, position, width, out);
  bool good = true;
  for (int64_t record = 0; record < run.count; ++record, position += shape.record_width)
    good &= convert_series<Source, Swapped>(source + record * shape.record_bytes, {member.count, kSize, 1}, position, width, out);
  return good;
}

bool is_one_value(const RowBlock& block, const MemberCopy& member) {
  return block.runs->size() == 1 && block.runs->front().count == 1 && member.count == 1;
}

template <class Source, bool Swapped, class Target>
int64_t convert_rows(const RowBlock& block, const RecordShape& shape, const MemberCopy& member, Target* out) {
  const int64_t width = shape.last - shape.first;
  if (is_one_value(block, member)) {  // one series of all rows; if one of them is bad, the loop below finds it
    const Run& run = block.runs->front();
    const int64_t position = run.target * shape.record_width + member.target_offset - shape.first;
    if (position < 0 || position >= width) return -1;
    const char* source = block.data + member.source_offset + run.source * shape.record_bytes;
    if (convert_run<Source, Swapped>(source, block.row_bytes, out + position, width, block.num_rows)) return -1;
  }
  for (int64_t row = 0; row < block.num_rows; ++row) {
    const char* source = block.data + row * block.row_bytes + member.source_offset;
    for (const Run& run : *block.runs)
      if (!convert_records<Source, Swapped>(source + run.source * shape.record_bytes, run, shape, member, out + row * width)) return row;
  }
  return -1;
}

template <class Source, bool Swapped, class Target>
int64_t convert_block(const RowBlock& block, const RecordShape& shape, const MemberCopy& member, void* out, int64_t first_row) {
  return convert_rows<Source, Swapped>(block, shape, member, static_cast<Target*>(out) + first_row * (shape.last - shape.first));
}

using Convert = int64_t (*)(const RowBlock&, const RecordShape&, const MemberCopy&, void*, int64_t);

template <class Source, class Target>
Convert conversion_from(bool swapped) {
  if constexpr (sizeof(Source) > 1)
    if (swapped) return convert_block<Source, true, Target>;
  return convert_block<Source, false, Target>;
}

template <class Target>
Convert conversion_to(const MemberCopy& member) {
  using hdf5::Scalar;
  switch (member.kind) {
    case Scalar::int8: return conversion_from<int8_t, Target>(member.swapped);
    case Scalar::uint8:
    case Scalar::bits8: return conversion_from<uint8_t, Target>(member.swapped);
    case Scalar::int16: return conversion_from<int16_t, Target>(member.swapped);
    case Scalar::uint16: return conversion_from<uint16_t, Target>(member.swapped);
    case Scalar::int32: return conversion_from<int32_t, Target>(member.swapped);
    case Scalar::uint32: return conversion_from<uint32_t, Target>(member.swapped);
    case Scalar::int64: return conversion_from<int64_t, Target>(member.swapped);
    case Scalar::uint64: return conversion_from<uint64_t, Target>(member.swapped);
    case Scalar::float16: return conversion_from<c10::Half, Target>(member.swapped);
    case Scalar::float32: return conversion_from<float, Target>(member.swapped);
    case Scalar::float64: return conversion_from<double, Target>(member.swapped);
    case Scalar::other: break;
  }
  throw Error("a member without numbers reached the conversion");
}

Convert conversion(const MemberCopy& member, at::ScalarType type) {
  if (type == at::kLong) return conversion_to<int64_t>(member);
  if (type == at::kDouble) return conversion_to<double>(member);
  return conversion_to<float>(member);
}

}  // namespace

MemberConversion::MemberConversion(const RecordShape& shape, const MemberCopy& member, at::Tensor& out)
    : shape_(shape), member_(member), out_(out.mutable_data_ptr()), convert_(conversion(member, out.scalar_type())) {}

}  // namespace tev
