#pragma once
// Plain values as bytes and back: one list of members serves both ways.

#include "base/check.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tev {

template <class Archive, class First, class Second>
void archive(Archive& a, std::pair<First, Second>& v) {
  a(v.first, v.second);
}

/// Appends values to a string.
class OutArchive {
 public:
  static constexpr bool kReads = false;

  template <class... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_trivially_copyable_v<T>)
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    else
      archive(*this, const_cast<T&>(value));  // only read: the list of members is the same for both ways
  }
  void put(bool value) { bytes_ += static_cast<char>(value); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  void put(const std::string& text) {
    put(static_cast<uint64_t>(text.size()));
    bytes_ += text;
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<uint64_t>(values.size()));
    if constexpr (std::is_trivially_copyable_v<T>)
      bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    else
      for (const auto& value : values) put(value);
  }

  std::string bytes_;
};

/// Takes them out again. Throws Error where there are fewer bytes than the values need.
class InArchive {
 public:
  static constexpr bool kReads = true;

  explicit InArchive(std::string_view bytes) : bytes_(bytes) {}

  template <class... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view take(uint64_t size) {
    TEV_CHECK(size <= bytes_.size(), "it ends early.");
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_trivially_copyable_v<T>)
      std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    else
      archive(*this, value);
  }
  void get(bool& value) {
    const char byte = take(1).front();
    TEV_CHECK(byte == 0 || byte == 1, "a flag is ", static_cast<int>(byte), ".");
    value = byte == 1;
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there) get(value.emplace());
  }
  void get(std::string& text) {
    uint64_t size = 0;
    get(size);
    text = take(size);
  }
  template <class T>
  void get(std::vector<T>& values) {
    uint64_t size = 0;
    get(size);
    TEV_CHECK(size <= bytes_.size(), "it ends early.");  // every value takes a byte at least
    if constexpr (std::is_trivially_copyable_v<T>) {
      TEV_CHECK(size <= bytes_.size() / sizeof(T), "it ends early.");
      values.resize(size);
      if (size > 0) std::memcpy(values.data(), take(size * sizeof(T)).data(), size * sizeof(T));
    } else {
      values.clear();
      for (uint64_t i = 0; i < size; ++i) get(values.emplace_back());
    }
  }

  std::string_view bytes_;
};

}  // namespace tev
