#pragma once
// Which bytes hold which sample: the files of one set, cut into units.

#include "data/hdf5/catalog_thread.hpp"
#include "data/readers/reader.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <mutex>

namespace tev {

/// A range of events of one file.
struct Unit : UnitRange {
  int32_t file = 0;
};

class PlanCache;

/// How a catalog is opened.
struct CatalogOptions {
  const PlanCache* cache = nullptr;                          ///< what is known of the files from earlier runs
  bool skip_faults = false;                                  ///< leave out files that cannot be opened
  bool open_parts = true;                                    ///< open the files behind virtual datasets in their place
  std::function<void(int64_t done, int64_t total)> progress{};  ///< called for every file
};

/// The files of one set (training, validation, ...) as one numbered sequence of events: in the order of the files, then
/// of their rows. Immutable once open; only reading touches files.
class Catalog {
 public:
  /// Opens every file once, unless the cache knows it.
  /// @param thread  does what only the HDF5 library can do; must outlive the catalog
  /// @param layout    data.reader
  /// @param requests  fields to read; reading gives them in this order
  /// @throws InputError  as open_reader; no event at all; a later file whose fields are wider or narrower
  static std::shared_ptr<Catalog> open(const std::string& layout, std::vector<std::string> files,
                                       std::vector<FieldRequest> requests, CatalogThread& thread, const CatalogOptions& options = {});
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  int64_t num_events() const { return num_events_; }
  const std::vector<Unit>& units() const { return units_; }
  /// Values an event of each request.
  const std::vector<int64_t>& widths() const { return widths_; }
  /// Memory that a thread which reads keeps for decoding.
  int64_t scratch_bytes() const { return scratch_bytes_; }
  /// Memory that the library keeps for decoding.
  int64_t library_bytes() const { return library_bytes_; }
  /// Uncompressed, about.
  int64_t stored_bytes() const;
  /// Memory that the values of an event take: on average, and in the unit where they are largest.
  int64_t event_bytes() const;
  int64_t most_event_bytes() const;
  /// Memory that knowing where everything lies takes.
  int64_t table_bytes() const { return table_bytes_; }
  /// Files that were left out, and why.
  const std::vector<std::string>& left_out() const { return left_out_; }
  /// What of the first file that needs it only the HDF5 library can read, for a warning; empty: nothing.
  const std::string& library_reads() const { return library_reads_; }
  const std::string& file_path(int32_t file) const { return files_.at(file).path; }
  std::vector<std::string> file_paths() const;
  /// These, and the files behind virtual ones that were not opened in their place.
  std::vector<std::string> all_paths() const;

  /// Global, stable number of a unit's first event: the position in the sequence of all events.
  int64_t first_sample_id(int64_t unit) const;

  /// All requests of a unit, as Reader::read. Callable from many threads at once, but not on the catalog thread.
  std::vector<FieldValues> read(int64_t unit);

  /// Has the system fetch from the disk what reading a unit takes, without waiting for it. Where it holds the data, looks at few units only.
  /// Callable as read() is.
  void expect(int64_t unit);

  /// What read() would give of a unit without events.
  std::vector<FieldValues> nothing() const { return files_.front().reader->nothing(); }

  /// Identifies the data: names, types, shapes and the bytes of sampled units. Neither path nor time of the files
  /// counts, so a copy has the fingerprint of the original. Computed at the first call; callable as read() is.
  /// @param threads  that read
  uint64_t fingerprint(int64_t threads = 1);

 private:
  struct File {
    std::string path;
    int64_t first_sample_id = 0;
    int64_t num_events = 0;
    size_t first_unit = 0;
    std::string signature;
    std::unique_ptr<Reader> reader;
  };

  Catalog(const std::string& layout, std::vector<FieldRequest> requests, CatalogThread& thread)
      : layout_(layout), requests_(std::move(requests)), thread_(thread) {}
  struct Listed;
  static std::vector<Listed> parts_of(const Reader& reader, const std::string& path);
  static void check_once(const std::vector<Listed>& files);
  void add_file(const std::string& path, std::unique_ptr<Reader> reader);
  void check_columns(const std::string& path, const Reader& reader) const;
  int64_t memory_of(const Unit& unit) const;
  void keep_open(int32_t file);
  uint64_t compute_fingerprint(int64_t threads);
  std::vector<int64_t> sampled_units(size_t file) const;
  std::optional<std::vector<FieldValues>> read_sample(int64_t unit);

  std::string layout_;
  std::vector<FieldRequest> requests_;
  CatalogThread& thread_;
  std::vector<File> files_;
  std::vector<Unit> units_;
  std::vector<int64_t> widths_;
  std::vector<at::ScalarType> types_;
  int64_t num_events_ = 0;
  int64_t scratch_bytes_ = 0;
  int64_t table_bytes_ = 0, library_bytes_ = 0;
  bool skip_faults_ = false;
  std::atomic<int64_t> held_in_a_row_ = 0;  ///< units of which expect() knew or assumes that the system holds them
  std::string library_reads_;
  std::vector<std::string> left_out_;
  std::vector<std::string> behind_;  ///< the files of which virtual ones are made that are open themselves
  std::mutex mutex_;
  std::list<int32_t> open_;  // files with a descriptor, most recently used first; under the mutex
  std::once_flag fingerprinted_;
  uint64_t fingerprint_ = 0;
};

}  // namespace tev
