#pragma once
// Files of one JSON object a line.

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace tev {

/// Appends lines; each is with the system when append() returns (it outlives a kill; sync() makes it outlive the
/// power). Numbers are written as the shortest text that reads back to the same bits, NaN and infinities as null: equal
/// values give equal bytes.
class JsonlWriter {
 public:
  /// Opens or creates; the beginning of a line that a kill left is cut off.
  /// @throws InputError  if it cannot be opened
  explicit JsonlWriter(std::filesystem::path path);
  ~JsonlWriter();
  JsonlWriter(JsonlWriter&& other) noexcept;
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;

  /// One object, keys in the order in which they were added.
  /// @throws Error  naming the file, e.g. on a full disk; the file then ends with the line before
  void append(const nlohmann::ordered_json& object);

  /// Length in bytes, which a checkpoint remembers.
  int64_t size() const { return size_; }

  /// Cuts off what was written after a checkpoint.
  /// @throws InputError  if the file is shorter than that
  void truncate_to(int64_t bytes);

  /// Forces the lines to the disk.
  void sync();

 private:
  [[noreturn]] void fail(const char* doing) const;

  std::filesystem::path path_;
  int file_ = -1;
  int64_t size_ = 0;
};

}  // namespace tev
