#pragma once
// Stored types as the readers see them: records of named members, each some numbers of one native kind.

#include "data/hdf5/handle.hpp"

#include <string>
#include <vector>

namespace tev::hdf5 {

/// Kinds of numbers. `bits8` is the byte in which PyTables keeps a bool, `float16` only ever lies in files; `other` is no number.
enum class Scalar { int8, uint8, int16, uint16, int32, uint32, int64, uint64, float16, float32, float64, bits8, other };

int64_t scalar_bytes(Scalar scalar);

/// One member of a compound dataset, or the whole element of a plain one (then without a name).
struct Member {
  std::string name;
  Scalar scalar = Scalar::other;  ///< kind in memory: the stored kind, in native byte order, fp16 widened to fp32
  std::vector<int64_t> shape;     ///< of an array member; empty for one number
  std::string type_text;          ///< as stored, e.g. float32[804], bool, string
  Scalar stored = Scalar::other;  ///< kind in the file; other where only the library can convert it
  bool swapped = false;           ///< in the file: the byte order that is not this machine's
  int64_t offset = 0;             ///< bytes into the stored record
  bool variable_length = false;   ///< any number of them, which only the library finds
  int64_t text_bytes = 0;         ///< of text of a fixed length; 0: no text
  bool utf8 = false;              ///< text in UTF-8, not ASCII
  std::vector<std::pair<int64_t, std::string>> names_of_values{};  ///< of an enum
  int64_t count() const;          ///< numbers in it
  int64_t bytes() const { return count() * scalar_bytes(scalar); }
};

/// What one element of a dataset holds.
struct RecordType {
  bool compound = false;
  int64_t bytes = 0;  ///< of a stored record
  std::vector<Member> members;
  bool has_variable_length = false, has_references = false;  ///< somewhere in it
  /// Whether its bytes mean nothing elsewhere.
  bool has_pointers() const { return has_variable_length || has_references; }
  std::vector<std::string> names() const;
  int64_t find(const std::string& name) const;  ///< index, or -1
};

/// The record type of an HDF5 datatype.
RecordType record_type(int64_t type);

/// One word for an HDF5 datatype: int32, float32[804], bool, string, compound of 7 members, ...
std::string type_text(int64_t type);

/// Memory type that holds the chosen members one after the other, without gaps.
/// @param members  indices into record.members, without repetition, numbers only
Handle memory_type(const RecordType& record, const std::vector<int64_t>& members);

/// Records of `first` (uint64) and `N` (uint32), packed: the rows of an event, as larcv3 writes them.
Handle extents_type();

/// HDF5's identifier of a native kind (not owned).
int64_t native_type(Scalar scalar);

}  // namespace tev::hdf5
