#include "data/readers/convert_members.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tev {
namespace {

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

/// Values of one run; records are packed, so a value may lie at any address.
template <class Source, class Target>
bool convert_run(const char* source, Target* out, int64_t count) {
  if constexpr (std::is_same_v<Source, Target>) {
    std::memcpy(out, source, static_cast<size_t>(count) * sizeof(Target));
    return true;
  } else {
    bool good = true;
    for (int64_t i = 0; i < count; ++i) {
      Source value;
      std::memcpy(&value, source + i * static_cast<int64_t>(sizeof(Source)), sizeof(Source));
      good &= convert_value(value, out[i]);
    }
    return good;
  }
}

template <class Source, class Target>
int64_t convert_all(const RecordBlock& block, const MemberCopy& member, Target* out) {
  for (int64_t event = 0; event < block.num_events; ++event) {
    Target* event_out = out + event * (block.last - block.first);
    for (int64_t record = 0; record < block.records_per_event; ++record) {
      const int64_t position = record * block.record_width + member.target_offset;
      const int64_t begin = std::max(position, block.first), end = std::min(position + member.count, block.last);
      if (begin >= end) continue;
      const char* source = block.data + (event * block.records_per_event + record) * block.record_bytes +
                           member.source_offset + (begin - position) * static_cast<int64_t>(sizeof(Source));
      if (!convert_run<Source>(source, event_out + (begin - block.first), end - begin)) return event;
    }
  }
  return -1;
}

template <class Target>
int64_t convert_to(const RecordBlock& block, const MemberCopy& member, Target* out) {
  using hdf5::Scalar;
  switch (member.scalar) {
    case Scalar::int8: return convert_all<int8_t>(block, member, out);
    case Scalar::uint8:
    case Scalar::bits8: return convert_all<uint8_t>(block, member, out);
    case Scalar::int16: return convert_all<int16_t>(block, member, out);
    case Scalar::uint16: return convert_all<uint16_t>(block, member, out);
    case Scalar::int32: return convert_all<int32_t>(block, member, out);
    case Scalar::uint32: return convert_all<uint32_t>(block, member, out);
    case Scalar::int64: return convert_all<int64_t>(block, member, out);
    case Scalar::uint64: return convert_all<uint64_t>(block, member, out);
    case Scalar::float32: return convert_all<float>(block, member, out);
    case Scalar::float64: return convert_all<double>(block, member, out);
    case Scalar::other: break;
  }
  throw Error("a member without numbers reached the conversion");
}

}  // namespace

int64_t convert_member(const RecordBlock& block, const MemberCopy& member, at::Tensor& out) {
  if (out.scalar_type() == at::kLong) return convert_to(block, member, out.mutable_data_ptr<int64_t>());
  if (out.scalar_type() == at::kDouble) return convert_to(block, member, out.mutable_data_ptr<double>());
  return convert_to(block, member, out.mutable_data_ptr<float>());
}

}  // namespace tev
