#include "engine/checkpoint/safetensors.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>

namespace tev {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

namespace {

using Json = nlohmann::json;

constexpr size_t length_bytes = 8;
constexpr size_t alignment = 8;
constexpr uint64_t longest_header = 100'000'000;  // the bound of the format's own implementation
constexpr const char* metadata_key = "__metadata__";

struct DtypeName {
  at::ScalarType dtype;
  const char* name;
};
constexpr std::array<DtypeName, 8> dtype_names = {{{at::kDouble, "F64"}, {at::kLong, "I64"}, {at::kFloat, "F32"},
                                                   {at::kInt, "I32"}, {at::kHalf, "F16"}, {at::kBFloat16, "BF16"},
                                                   {at::kByte, "U8"}, {at::kBool, "BOOL"}}};

const char* name_of(at::ScalarType dtype) {
  for (const auto& entry : dtype_names)
    if (entry.dtype == dtype) return entry.name;
  return nullptr;
}

std::string known_dtypes() {
  std::vector<std::string> names;
  for (const auto& entry : dtype_names) names.emplace_back(entry.name);
  return join_names(names);
}

void check_writable(const std::filesystem::path& path, const NamedTensors& tensors) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    TEV_CHECK(name != metadata_key && names.insert(name).second, path.string(), ": the tensor name '", name,
              "' is taken (names are unique).");
    TEV_CHECK(tensor.defined(), path.string(), ": tensor ", name, " is undefined.");
    TEV_CHECK(name_of(tensor.scalar_type()) != nullptr, path.string(), ": tensor ", name, " is ", tensor.scalar_type(),
              " (the layout has ", known_dtypes(), "). Convert it first.");
  }
}

std::string make_header(const NamedTensors& ordered, const TensorMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  uint64_t begin = 0;
  for (const auto& [name, tensor] : ordered) {
    const uint64_t end = begin + tensor.nbytes();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", std::array<uint64_t, 2>{begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
  return text;
}

/// One entry of a header, checked.
struct Entry {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin;
  uint64_t end;
};

/// A reader of one file: the bytes, and the name under which to complain about them.
class Parser {
 public:
  Parser(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  SafetensorsContent parse() {
    const Json header = parse_header();
    SafetensorsContent content;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == metadata_key)
        content.metadata = parse_metadata(value);
      else
        entries.push_back(parse_entry(name, value));
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
    check_coverage(entries);
    for (const Entry& entry : entries) content.tensors.emplace_back(entry.name, make_tensor(entry));
    return content;
  }

 private:
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    TEV_CHECK(condition, where_, ": ", parts..., " The file is damaged or not safetensors.");
  }

  Json parse_header() {
    check(bytes_.size() >= length_bytes, bytes_.size(), " bytes are too few (the first 8 give the header's length).");
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), length_bytes);
    check(length <= longest_header && length <= bytes_.size() - length_bytes, "the header's length is given as ",
          length, " bytes (the file has ", bytes_.size(), ").");
    const std::string_view text = bytes_.substr(length_bytes, length);
    data_ = bytes_.substr(length_bytes + length);
    Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    check(!header.is_discarded() && header.is_object(), "the header is not a JSON object.");
    return header;
  }

  TensorMetadata parse_metadata(const Json& value) const {
    check(value.is_object(), "the header's __metadata__ is not an object.");
    TensorMetadata metadata;
    for (const auto& [key, text] : value.items()) {
      check(text.is_string(), "the header's __metadata__ has something else than text under '", key, "'.");
      metadata[key] = text.get<std::string>();
    }
    return metadata;
  }

  Entry parse_entry(const std::string& name, const Json& value) const {
    check(value.is_object() && value.size() == 3 && value.contains("dtype") && value.contains("shape") &&
              value.contains("data_offsets"),
          "tensor '", name, "' is not described by dtype, shape and data_offsets.");
    Entry entry;
    entry.name = name;
    entry.dtype = parse_dtype(name, value["dtype"]);
    entry.shape = parse_shape(name, value["shape"]);
    const Json& offsets = value["data_offsets"];
    check(
        offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
        "tensor '", name, "' has data_offsets that are not two whole numbers.");
    entry.begin = offsets[0].get<uint64_t>();
    entry.end = offsets[1].get<uint64_t>();
    check(entry.begin <= entry.end && entry.end <= data_.size(), "tensor '", name, "' lies at bytes ", entry.begin,
          " to ", entry.end, " of ", data_.size(), ".");
    check_size(entry);
    return entry;
  }

  at::ScalarType parse_dtype(const std::string& name, const Json& value) const {
    check(value.is_string(), "tensor '", name, "' has a dtype that is not text.");
    const auto& text = value.get_ref<const std::string&>();
    for (const auto& known : dtype_names)
      if (text == known.name) return known.dtype;
    throw Error(c10::str(where_, ": tensor '", name, "' has dtype ", text, " (known: ", known_dtypes(), ")."));
  }

  std::vector<int64_t> parse_shape(const std::string& name, const Json& value) const {
    check(value.is_array(), "tensor '", name, "' has a shape that is not a list.");
    std::vector<int64_t> shape;
    for (const Json& size : value) {
      check(size.is_number_unsigned() && size.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX), "tensor '", name,
            "' has a shape that is not made of whole numbers.");
      shape.push_back(size.get<int64_t>());
    }
    return shape;
  }

  void check_size(const Entry& entry) const {
    bool overflow = false;
    int64_t size = static_cast<int64_t>(c10::elementSize(entry.dtype));
    // A zero size anywhere makes the product zero, but ATen's strides multiply the others all the same.
    int64_t nonzero = size;
    for (const int64_t length : entry.shape) {
      overflow |= __builtin_mul_overflow(size, length, &size);
      overflow |= __builtin_mul_overflow(nonzero, std::max<int64_t>(length, 1), &nonzero);
    }
    check(!overflow && static_cast<uint64_t>(size) == entry.end - entry.begin, "tensor '", entry.name, "' of type ",
          name_of(entry.dtype), " and shape ", at::IntArrayRef(entry.shape), " has ", entry.end - entry.begin,
          " bytes.");
  }

  /// The tensors must fill the data: a gap or an overlap is a sign of damage and a place to hide things.
  void check_coverage(const std::vector<Entry>& entries) const {
    uint64_t filled = 0;
    for (const Entry& entry : entries) {
      check(entry.begin == filled, "tensor '", entry.name, "' starts at byte ", entry.begin, " of the data (expected ",
            filled, ", the end of the one before).");
      filled = entry.end;
    }
    check(filled == data_.size(), "the tensors fill ", filled, " bytes of ", data_.size(), ".");
  }

  at::Tensor make_tensor(const Entry& entry) const {
    const std::string_view bytes = data_.substr(entry.begin, entry.end - entry.begin);
    // Any other byte in a C++ bool is undefined behaviour.
    if (entry.dtype == at::kBool)
      check(std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0 || byte == 1; }), "tensor '",
            entry.name, "' of type BOOL has bytes other than 0 and 1.");
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.dtype));
    if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
    return tensor;
  }

  std::string_view bytes_;
  std::string_view data_;
  const std::string& where_;
};

}  // namespace

FileStamp write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                            const TensorMetadata& metadata) {
  check_writable(path, tensors);
  NamedTensors ordered = tensors;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second.element_size() > b.second.element_size(); });
  const std::string header = make_header(ordered, metadata);
  const uint64_t length = header.size();
  DurableFile file(path);
  file.write({reinterpret_cast<const char*>(&length), length_bytes});
  file.write(header);
  for (const auto& [name, tensor] : ordered) {
    const at::Tensor dense = tensor.detach().cpu().contiguous();
    file.write({static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()});
  }
  return file.finish();
}

SafetensorsContent read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

SafetensorsContent parse_safetensors(std::string_view bytes, const std::string& where) {
  return Parser(bytes, where).parse();
}

}  // namespace tev
