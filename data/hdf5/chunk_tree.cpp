#include "data/hdf5/chunk_tree.hpp"

#include "base/check.hpp"
#include "data/hdf5/raw_file.hpp"

#include <algorithm>
#include <cstring>

namespace tev::hdf5 {
namespace {

constexpr uint64_t kUndefined = ~uint64_t{0};
constexpr size_t kMostHeaderBytes = size_t{1} << 24;  // an object header of 16 MiB is no header
constexpr int kDeepest = 16;

/// Little-endian numbers out of a range of the file that is read at once.
class Bytes {
 public:
  Bytes(const RawFile& file, const FileFormat& format, uint64_t address, size_t size) : address_(address), data_(size) {
    TEV_CHECK(address <= file.identity().bytes && size <= file.identity().bytes - address, file.path(),
              ": the index of chunks points to byte ", address, " of ", file.identity().bytes,
              " (the file is damaged). Copy or make it again.");
    file.read(format.base + address, size, data_.data());
  }

  size_t size() const { return data_.size(); }
  bool is(const char* signature) const { return size() >= 4 && std::memcmp(data_.data(), signature, 4) == 0; }
  /// The next `bytes` bytes as a number; the largest one for what does not fit into 64 bits.
  uint64_t number(size_t bytes) {
    TEV_CHECK(bytes <= left(), "HDF5 metadata at byte ", address_, " ends early (the file is damaged). Copy or make it again.");
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      const uint64_t byte = static_cast<unsigned char>(data_[at_ + i]);
      if (i < 8)
        value |= byte << (8 * i);
      else if (byte != 0)
        value = ~uint64_t{0};
    }
    at_ += bytes;
    return value;
  }
  void skip(size_t bytes) { at_ = std::min(data_.size(), at_ + bytes); }
  size_t left() const { return data_.size() - at_; }
  size_t position() const { return at_; }

 private:
  uint64_t address_;
  std::vector<char> data_;
  size_t at_ = 0;
};

/// An address of the width of the file; all bits set is no address.
uint64_t address(Bytes& bytes, const FileFormat& format) {
  const uint64_t value = bytes.number(format.offset_bytes);
  return format.offset_bytes < 8 && value == (uint64_t{1} << (8 * format.offset_bytes)) - 1 ? kUndefined : value;
}

struct Block {
  uint64_t address;
  uint64_t bytes;
};

/// What the data layout message says, as far as it concerns us.
struct Layout {
  bool is_tree = false;
  uint64_t root = kUndefined;
};

/// Walks the messages of an object header until the data layout is found.
class HeaderWalk {
 public:
  HeaderWalk(const RawFile& file, const FileFormat& format) : file_(file), format_(format) {}

  Layout layout(uint64_t header) {
    Bytes prefix(file_, format_, header, 16);
    if (prefix.is("OHDR")) {
      begin_version_2(header);
    } else {
      if (prefix.number(1) != 1) return {};
      prefix.skip(7);
      blocks_.push_back({header + 16, prefix.number(4)});
    }
    for (size_t i = 0; i < blocks_.size() && i < 1024; ++i)
      if (walk(blocks_[i], i == 0)) return layout_;
    return {};
  }

 private:
  void begin_version_2(uint64_t header) {
    Bytes prefix(file_, format_, header, 48);
    prefix.skip(5);
    flags_ = prefix.number(1);
    if (flags_ & 0x20) prefix.skip(16);
    if (flags_ & 0x10) prefix.skip(4);
    const uint64_t bytes = prefix.number(size_t{1} << (flags_ & 3));
    version_ = 2;
    blocks_.push_back({header + prefix.position(), bytes});
  }

  bool walk(const Block& block, bool first) {
    if (block.bytes > kMostHeaderBytes) return false;
    Bytes bytes(file_, format_, block.address, block.bytes);
    size_t trailer = 0;
    if (version_ == 2 && !first) {
      if (!bytes.is("OCHK")) return false;
      bytes.skip(4);
      trailer = 4;  // checksum
    }
    const size_t prefix = version_ == 1 ? 8 : (flags_ & 4) ? 6 : 4;
    while (bytes.left() >= prefix + trailer) {
      const uint64_t type = bytes.number(version_ == 1 ? 2 : 1);
      const uint64_t size = bytes.number(2);
      bytes.skip(prefix - (version_ == 1 ? 4 : 3));
      if (size > bytes.left()) return false;
      const size_t next = bytes.left() - size;
      if (type == 0x10) blocks_.push_back({address(bytes, format_), bytes.number(format_.length_bytes)});
      if (type == 0x08) {
        read_layout(bytes);
        return true;
      }
      bytes.skip(bytes.left() - next);
    }
    return false;
  }

  void read_layout(Bytes& bytes) {
    const uint64_t version = bytes.number(1), layout_class = bytes.number(1);
    if (version != 3 || layout_class != 2) return;
    bytes.skip(1);
    layout_ = {true, address(bytes, format_)};
  }

  const RawFile& file_;
  const FileFormat& format_;
  int version_ = 1;
  uint64_t flags_ = 0;
  std::vector<Block> blocks_;
  Layout layout_;
};

class TreeWalk {
 public:
  TreeWalk(const RawFile& file, const FileFormat& format, const ChunkGrid& grid)
      : file_(file), format_(format), grid_(grid), counts_(grid.counts()), extents_(static_cast<size_t>(grid.num_chunks())) {}

  void walk(uint64_t node, int depth) {
    const size_t dimensions = grid_.shape.size() + 1;  // the last one is the byte within a record
    const size_t key = 8 + 8 * dimensions, head = 8 + 2 * format_.offset_bytes;
    Bytes prefix(file_, format_, node, head);
    const bool sane = depth < kDeepest && ++nodes_ <= 64 + 2 * extents_.size();  // a damaged tree may run in circles
    TEV_CHECK(prefix.is("TREE") && sane, file_.path(), ": no node of the index of chunks at byte ", node,
              " (the file is damaged). Copy or make it again.");
    prefix.skip(4);
    const uint64_t type = prefix.number(1), level = prefix.number(1), entries = prefix.number(2);
    TEV_CHECK(type == 1 && (depth == 0 || level + 1 == level_above_), file_.path(), ": a wrong node of the index of chunks at byte ",
              node, " (the file is damaged). Copy or make it again.");
    Bytes bytes(file_, format_, node + head, entries * (key + format_.offset_bytes));
    for (uint64_t i = 0; i < entries; ++i) {
      Extent extent;
      extent.bytes = static_cast<uint32_t>(bytes.number(4));
      extent.filter_mask = static_cast<uint32_t>(bytes.number(4));
      const std::vector<uint64_t> key_of_chunk = read_key(bytes);
      const uint64_t child = address(bytes, format_);
      if (level > 0) {
        level_above_ = level;
        walk(child, depth + 1);
        continue;
      }
      check_key(key_of_chunk, node);
      extent.offset = format_.base + child;
      if (const int64_t chunk = chunk_index(key_of_chunk); chunk >= 0) extents_[static_cast<size_t>(chunk)] = extent;
    }
  }

  std::vector<Extent> take() { return std::move(extents_); }

 private:
  std::vector<uint64_t> read_key(Bytes& bytes) const {
    std::vector<uint64_t> key;
    for (size_t d = 0; d < counts_.size(); ++d) key.push_back(bytes.number(8));
    bytes.skip(8);
    return key;
  }

  /// Leaves come in the order of their keys, each where a chunk begins: the index has no checksum but this.
  void check_key(const std::vector<uint64_t>& key, uint64_t node) {
    bool good = last_key_.empty() || last_key_ < key;
    for (size_t d = 0; d < key.size(); ++d) good = good && key[d] % static_cast<uint64_t>(grid_.chunk[d]) == 0;
    TEV_CHECK(good, file_.path(), ": the node of the index of chunks at byte ", node, " has a chunk at [", c10::Join(", ", key),
              "], where none can be (the file is damaged). Copy or make it again.");
    last_key_ = key;
  }

  /// Index in the grid of a chunk; -1 outside of the grid.
  int64_t chunk_index(const std::vector<uint64_t>& key) const {
    int64_t index = 0;
    for (size_t d = 0; d < key.size(); ++d) {
      const uint64_t at = key[d] / static_cast<uint64_t>(grid_.chunk[d]);
      if (at >= static_cast<uint64_t>(counts_[d])) return -1;
      index = index * counts_[d] + static_cast<int64_t>(at);
    }
    return index;
  }

  const RawFile& file_;
  const FileFormat& format_;
  const ChunkGrid& grid_;
  const std::vector<int64_t> counts_;
  std::vector<Extent> extents_;
  std::vector<uint64_t> last_key_;
  uint64_t level_above_ = 0;
  size_t nodes_ = 0;
};

}  // namespace

std::optional<std::vector<Extent>> read_chunk_tree(const RawFile& file, const FileFormat& format, uint64_t header,
                                                   const ChunkGrid& grid) {
  const Layout layout = HeaderWalk(file, format).layout(header);
  if (!layout.is_tree) return std::nullopt;
  TreeWalk tree(file, format, grid);
  if (layout.root != kUndefined) tree.walk(layout.root, 0);
  return tree.take();
}

}  // namespace tev::hdf5
