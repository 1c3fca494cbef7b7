#include "data/hdf5/types.hpp"

#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <functional>
#include <numeric>

namespace tev::hdf5 {
namespace {

constexpr const char* kWhere = "datatype";

Handle super_type(int64_t type) { return {TEV_H5(H5Tget_super(type), kWhere), H5Tclose}; }

Scalar integer_scalar(size_t bytes, bool is_signed) {
  if (bytes <= 1) return is_signed ? Scalar::int8 : Scalar::uint8;
  if (bytes <= 2) return is_signed ? Scalar::int16 : Scalar::uint16;
  if (bytes <= 4) return is_signed ? Scalar::int32 : Scalar::uint32;
  return bytes <= 8 ? (is_signed ? Scalar::int64 : Scalar::uint64) : Scalar::other;
}

Scalar scalar_of(int64_t type) {
  const size_t bytes = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return integer_scalar(bytes, H5Tget_sign(type) == H5T_SGN_2);
    case H5T_FLOAT: return bytes <= 4 ? Scalar::float32 : Scalar::float64;
    case H5T_ENUM: return scalar_of(super_type(type).id());
    case H5T_BITFIELD: return bytes == 1 ? Scalar::bits8 : Scalar::other;
    default: return Scalar::other;
  }
}

/// IEEE 754 binary16, for which HDF5 1.10 has no name.
bool is_half(int64_t type) {
  size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  return H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0 && sign == 15 && exponent == 10 &&
         exponent_bits == 5 && mantissa == 0 && mantissa_bits == 10 && H5Tget_ebias(type) == 15;
}

bool is_ieee(int64_t type, bool big_endian) {
  switch (H5Tget_size(type)) {
    case 2: return is_half(type);
    case 4: return H5Tequal(type, big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE) > 0;
    case 8: return H5Tequal(type, big_endian ? H5T_IEEE_F64BE : H5T_IEEE_F64LE) > 0;
    default: return false;
  }
}

/// Kind in the file, if its bits are those of a number of a machine.
Scalar stored_scalar(int64_t type, bool big_endian) {
  const size_t bytes = H5Tget_size(type);
  const bool whole = (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) && H5Tget_precision(type) == 8 * bytes;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return whole ? integer_scalar(bytes, H5Tget_sign(type) == H5T_SGN_2) : Scalar::other;
    case H5T_FLOAT: return !is_ieee(type, big_endian) ? Scalar::other : bytes == 2 ? Scalar::float16 : scalar_of(type);
    case H5T_ENUM: return stored_scalar(super_type(type).id(), big_endian);
    case H5T_BITFIELD: return whole ? scalar_of(type) : Scalar::other;
    default: return Scalar::other;
  }
}

/// Notes what of a type is a pointer.
void find_pointers(int64_t type, RecordType& record) {
  switch (H5Tget_class(type)) {
    case H5T_VLEN: record.has_variable_length = true; return;
    case H5T_STRING: record.has_variable_length |= TEV_H5(H5Tis_variable_str(type), kWhere) > 0; return;
    case H5T_REFERENCE: record.has_references = true; return;
    case H5T_ARRAY: return find_pointers(super_type(type).id(), record);
    case H5T_COMPOUND: break;
    default: return;
  }
  const int num_members = TEV_H5(H5Tget_nmembers(type), kWhere);
  for (int i = 0; i < num_members; ++i)
    find_pointers(Handle(TEV_H5(H5Tget_member_type(type, static_cast<unsigned>(i)), kWhere), H5Tclose).id(), record);
}

void describe_stored(int64_t type, Member& member) {
  const bool big_endian = H5Tget_order(type) == H5T_ORDER_BE;
  member.stored = stored_scalar(type, big_endian);
  member.swapped = big_endian && H5Tget_size(type) > 1;
}

std::vector<int64_t> array_shape(int64_t type) {
  hsize_t sizes[H5S_MAX_RANK];
  const int rank = TEV_H5(H5Tget_array_dims2(type, sizes), kWhere);
  return {sizes, sizes + rank};
}

/// The names HDF5 files give to the two values of a bool: h5py's FALSE and TRUE.
bool is_bool(int64_t type) {
  if (H5Tget_nmembers(type) != 2) return false;
  char* name = H5Tget_member_name(type, 0);
  const std::string first = name ? name : "";
  H5free_memory(name);
  return first == "FALSE" || first == "TRUE";
}

std::vector<std::pair<int64_t, std::string>> enum_values(int64_t type) {
  std::vector<std::pair<int64_t, std::string>> values;
  const Handle stored = super_type(type);
  const int count = TEV_H5(H5Tget_nmembers(type), kWhere);
  for (int i = 0; i < count && H5Tget_size(type) <= sizeof(int64_t); ++i) {
    int64_t value = 0;
    TEV_H5(H5Tget_member_value(type, static_cast<unsigned>(i), &value), kWhere);
    TEV_H5(H5Tconvert(stored.id(), H5T_NATIVE_INT64, 1, &value, nullptr, H5P_DEFAULT), kWhere);
    char* name = H5Tget_member_name(type, static_cast<unsigned>(i));
    values.emplace_back(value, name ? name : "");
    H5free_memory(name);
  }
  return values;
}

Handle text_type(const Member& member) {
  Handle type(TEV_H5(H5Tcopy(H5T_C_S1), kWhere), H5Tclose);
  TEV_H5(H5Tset_size(type.id(), static_cast<size_t>(member.text_bytes)), kWhere);
  TEV_H5(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), kWhere);
  TEV_H5(H5Tset_cset(type.id(), member.utf8 ? H5T_CSET_UTF8 : H5T_CSET_ASCII), kWhere);
  return type;
}

Member member_of(int64_t type, std::string name) {
  Member member;
  member.name = std::move(name);
  member.type_text = type_text(type);
  if (H5Tget_class(type) == H5T_ARRAY) {
    const Handle element = super_type(type);
    member.shape = array_shape(type);
    member.scalar = scalar_of(element.id());
    describe_stored(element.id(), member);
  } else if (H5Tget_class(type) == H5T_VLEN) {
    member.scalar = scalar_of(super_type(type).id());
    member.variable_length = true;
  } else {
    member.scalar = scalar_of(type);
    describe_stored(type, member);
    if (H5Tget_class(type) == H5T_ENUM) member.names_of_values = enum_values(type);
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) <= 0) {
      member.text_bytes = static_cast<int64_t>(H5Tget_size(type));
      member.utf8 = H5Tget_cset(type) == H5T_CSET_UTF8;
    }
  }
  return member;
}

}  // namespace

int64_t scalar_bytes(Scalar scalar) {
  switch (scalar) {
    case Scalar::int8:
    case Scalar::uint8:
    case Scalar::bits8: return 1;
    case Scalar::int16:
    case Scalar::uint16:
    case Scalar::float16: return 2;
    case Scalar::int32:
    case Scalar::uint32:
    case Scalar::float32: return 4;
    case Scalar::int64:
    case Scalar::uint64:
    case Scalar::float64: return 8;
    case Scalar::other: break;
  }
  return 0;
}

int64_t native_type(Scalar scalar) {
  prepare();
  switch (scalar) {
    case Scalar::int8: return H5T_NATIVE_INT8;
    case Scalar::uint8: return H5T_NATIVE_UINT8;
    case Scalar::int16: return H5T_NATIVE_INT16;
    case Scalar::uint16: return H5T_NATIVE_UINT16;
    case Scalar::int32: return H5T_NATIVE_INT32;
    case Scalar::uint32: return H5T_NATIVE_UINT32;
    case Scalar::int64: return H5T_NATIVE_INT64;
    case Scalar::uint64: return H5T_NATIVE_UINT64;
    case Scalar::float32: return H5T_NATIVE_FLOAT;
    case Scalar::float64: return H5T_NATIVE_DOUBLE;
    case Scalar::bits8: return H5T_NATIVE_B8;
    case Scalar::float16:
    case Scalar::other: break;
  }
  return -1;
}

std::string type_text(int64_t type) {
  const std::string bits = std::to_string(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return (H5Tget_sign(type) == H5T_SGN_2 ? "int" : "uint") + bits;
    case H5T_FLOAT: return "float" + bits;
    case H5T_BITFIELD: return bits == "8" ? "bool" : "bits" + bits;
    case H5T_ENUM: return is_bool(type) ? "bool" : "enum";
    case H5T_STRING: return "string";
    case H5T_VLEN: return "variable-length " + type_text(super_type(type).id());
    case H5T_COMPOUND: return "compound of " + std::to_string(H5Tget_nmembers(type)) + " members";
    case H5T_ARRAY: return c10::str(type_text(super_type(type).id()), "[", c10::Join(", ", array_shape(type)), "]");
    case H5T_REFERENCE: return "reference";
    default: return "opaque";
  }
}

int64_t Member::count() const { return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()); }

std::vector<std::string> RecordType::names() const {
  std::vector<std::string> names;
  for (const auto& member : members) names.push_back(member.name);
  return names;
}

int64_t RecordType::find(const std::string& name) const {
  for (size_t i = 0; i < members.size(); ++i)
    if (members[i].name == name) return static_cast<int64_t>(i);
  return -1;
}

RecordType record_type(int64_t type) {
  RecordType record;
  record.compound = H5Tget_class(type) == H5T_COMPOUND;
  record.bytes = static_cast<int64_t>(H5Tget_size(type));
  find_pointers(type, record);
  if (!record.compound) {
    record.members.push_back(member_of(type, ""));
    return record;
  }
  const int num_members = TEV_H5(H5Tget_nmembers(type), kWhere);
  for (int i = 0; i < num_members; ++i) {
    const Handle member(TEV_H5(H5Tget_member_type(type, i), kWhere), H5Tclose);
    char* name = H5Tget_member_name(type, i);
    record.members.push_back(member_of(member.id(), name ? name : ""));
    record.members.back().offset = static_cast<int64_t>(H5Tget_member_offset(type, i));
    H5free_memory(name);
  }
  return record;
}

Handle extents_type() {
  Handle type(TEV_H5(H5Tcreate(H5T_COMPOUND, 12), kWhere), H5Tclose);
  TEV_H5(H5Tinsert(type.id(), "first", 0, H5T_STD_U64LE), kWhere);
  TEV_H5(H5Tinsert(type.id(), "N", 8, H5T_STD_U32LE), kWhere);
  return type;
}

Handle memory_type(const RecordType& record, const std::vector<int64_t>& members) {
  const auto number_type = [](const Member& member) {
    if (member.text_bytes > 0) return text_type(member);
    if (member.shape.empty()) return Handle(TEV_H5(H5Tcopy(native_type(member.scalar)), kWhere), H5Tclose);
    const std::vector<hsize_t> sizes(member.shape.begin(), member.shape.end());
    const auto rank = static_cast<unsigned>(sizes.size());
    return Handle(TEV_H5(H5Tarray_create2(native_type(member.scalar), rank, sizes.data()), kWhere), H5Tclose);
  };
  if (!record.compound) return number_type(record.members.at(0));
  size_t bytes = 0;
  for (const int64_t i : members) bytes += static_cast<size_t>(record.members.at(i).bytes());
  Handle type(TEV_H5(H5Tcreate(H5T_COMPOUND, bytes), kWhere), H5Tclose);
  size_t offset = 0;
  for (const int64_t i : members) {
    const Member& member = record.members[i];
    TEV_H5(H5Tinsert(type.id(), member.name.c_str(), offset, number_type(member).id()), kWhere, " of ", member.name);
    offset += static_cast<size_t>(member.bytes());
  }
  return type;
}

}  // namespace tev::hdf5
