#pragma once
// The plans of files, kept between runs: a file that has not changed is not opened to know what is in it.

#include "data/readers/plan_archive.hpp"

#include <filesystem>

namespace tev {

/// A folder with one file a plan. Rebuildable; safe to delete, and for many processes at once.
class PlanCache {
 public:
  /// Which plans open_reader keeps. Keeping one costs as much as opening a small file on a local disk.
  enum class Keep { slow, all };
  static constexpr double kSlowSeconds = 0.002;

  explicit PlanCache(std::filesystem::path folder, Keep which = Keep::slow) : folder_(std::move(folder)), which_(which) {}

  /// Whether a plan that took so long to make should be kept.
  bool wants(double seconds) const { return which_ == Keep::all || seconds >= kSlowSeconds; }

  /// The plan of a file as it is now, for a layout and requests.
  /// @return  nothing where there is none, or none that is whole
  std::optional<FilePlan> find(const std::string& path, const std::string& layout, const std::vector<FieldRequest>& requests) const;

  /// Keeps a plan whose datasets all lie in the file itself. What cannot be written is not kept: that costs time, nothing else.
  void keep(const FilePlan& plan, const std::string& layout, const std::vector<FieldRequest>& requests) const;

 private:
  std::filesystem::path file_of(const std::string& path, const hdf5::RawFile::Identity& identity, const std::string& layout,
                                const std::vector<FieldRequest>& requests) const;

  std::filesystem::path folder_;
  Keep which_;
};

}  // namespace tev
