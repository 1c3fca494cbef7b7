#pragma once
// What of which datasets the fields of a configuration are: all that reading them takes, found once a file.

#include "data/decode/row_reader.hpp"
#include "data/hdf5/dataset.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/hdf5/virtual_parts.hpp"
#include "data/readers/reader.hpp"

#include <functional>
#include <optional>

namespace tev {

/// Where a field lies.
struct FieldAddress {
  /// One column of it: a member of a compound dataset, or a plain dataset (no member).
  struct Part {
    std::string dataset;
    std::string member;
    int64_t record = -1;  ///< of a row: the only one that is meant; -1: all
  };
  std::vector<Part> parts;
  RowsKind rows_kind = RowsKind::none;
  std::string rows;  ///< dataset that tells which rows belong to an event

  /// Members of one dataset; none: the dataset itself.
  static FieldAddress of(const std::string& dataset, const std::vector<std::string>& members);
};

/// Finds a field in one file.
/// @throws InputError  naming request.key, the file and what there is instead
using FieldResolver = std::function<FieldAddress(const FieldRequest& request)>;

/// A layout: how fields are found in a file of it. Called on the catalog thread.
using Layout = FieldResolver (*)(const std::shared_ptr<const hdf5::File>& file);

/// A dataset and the members of it that some field needs.
struct Source {
  std::string path;
  hdf5::RecordType record;
  std::vector<int64_t> shape;
  int64_t chunk_rows = 0;  ///< 0: not chunked
  hdf5::Storage::Kind kind = hdf5::Storage::Kind::library;
  std::optional<decode::RowReader> rows;  ///< none: only the library can read it
  std::string library_reason{};           ///< why
  std::vector<int64_t> members{};         ///< rising; the library packs them in this order
  bool as_bytes = false;                  ///< whole records are needed, as they are stored
  std::optional<decode::RowReader> references{};  ///< of rows of variable length: hdf5::references_of
  std::vector<hdf5::VirtualPart> parts{};         ///< of a virtual dataset that is whole datasets of other files

  int64_t num_rows() const { return shape.front(); }
  int64_t records_per_row() const;
  /// Of a record: the members that are needed, in memory; or all of it, as stored.
  int64_t packed_record_bytes() const;
  int64_t row_bytes() const { return packed_record_bytes() * records_per_row(); }
  /// Whether blocks of it hold the needed members only, in native numbers, as the library reads them.
  bool is_packed() const { return !rows; }
  bool needs_library() const { return !rows || kind == hdf5::Storage::Kind::library_chunks; }
};

/// One member of a source, and where its values go within those of a record of the field.
struct FieldPart {
  size_t source = 0;
  int64_t member = 0;
  int64_t target_offset = 0;
  int64_t record = -1;  ///< of a row: the only one; -1: all
};

/// A field, found.
struct RecordField {
  FieldRequest request;
  std::vector<FieldPart> parts{};
  int64_t record_width = 0;       ///< values of a record of all parts
  int64_t records_per_row = 1;    ///< 1 where the parts are single records
  std::optional<size_t> row_index{};  ///< of a flat dataset: which of the plan's indexes
  bool variable_length = false;       ///< the event's own row of any length
  int64_t width() const { return request.last - request.first; }
};

/// Which rows of flat datasets belong to an event.
struct RowIndex {
  RowsKind kind = RowsKind::none;
  RecordField field;             ///< its numbers, as int64
  int64_t num_rows = 0;          ///< of the flat datasets
  std::vector<int64_t> starts{};       ///< of counts: first row of each event, and the end
  std::vector<int64_t> unit_starts{};  ///< first row of each unit; to know what to expect, not to be relied on
};

/// Everything about the fields of one file. A plain value.
struct RecordPlan {
  std::string path;
  hdf5::RawFile::Identity identity;
  std::vector<Source> sources;
  std::vector<RecordField> fields;
  std::vector<RowIndex> indexes;
  int64_t num_events = 0;

  const hdf5::Member& member(const FieldPart& part) const { return sources[part.source].record.members[part.member]; }
  /// The type in which a field is read.
  at::ScalarType element_type(const RecordField& field) const;
};

/// Finds the fields; reads metadata only. To be called on the catalog thread.
/// @throws InputError  a field that is missing, has no numbers, is too short, or has another number of rows than the others
RecordPlan plan_records(const std::string& path, const std::vector<FieldRequest>& requests, Layout layout);

}  // namespace tev
