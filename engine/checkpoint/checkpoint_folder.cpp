#include "engine/checkpoint/checkpoint_folder.hpp"

#include "base/check.hpp"
#include "base/durable_rename.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/checkpoint/safetensors.hpp"

#include <algorithm>
#include <cmath>

namespace tev {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr int64_t format_version = 2;
constexpr const char* manifest_name = "manifest.json";
constexpr const char* state_name = "state.json";
constexpr const char* tensors_suffix = ".safetensors";

/// JSON has no NaN or infinity: they would come back as null.
void check_finite(const Json& value, const std::string& where) {
  TEV_CHECK(!value.is_number_float() || std::isfinite(value.get<double>()), where,
            ": a number is not finite (JSON cannot hold it). Save it as text or leave it out.");
  if (value.is_object())
    for (const auto& [key, item] : value.items()) check_finite(item, where + "/" + key);
  if (value.is_array())
    for (size_t i = 0; i < value.size(); ++i) check_finite(value[i], where + "/" + std::to_string(i));
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char letter) {
    return std::isalnum(letter) || letter == '_' || letter == '-';
  });
}

Json stamp_json(const FileStamp& stamp) { return {{"length", stamp.length}, {"xxh3_128", stamp.hash}}; }

/// The hash of a manifest is that of its own text without the hash.
std::string manifest_hash(Json manifest) {
  manifest.erase("manifest_xxh3_128");
  return stamp_of(manifest.dump()).hash;
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / manifest_name;
  const Json manifest = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  TEV_CHECK(manifest.is_object() && manifest.contains("version") && manifest["version"].is_number_integer() &&
                manifest.contains("manifest_xxh3_128") && manifest["manifest_xxh3_128"] == manifest_hash(manifest),
            path.string(), ": the content does not have the hash that it should have. The file is damaged.");
  TEV_CHECK_INPUT(manifest["version"] == format_version, path.string(), ": checkpoint format ",
                  manifest["version"].dump(), " (this program reads ", format_version,
                  "). Use the program that wrote it.");
  return manifest;
}

std::optional<int64_t> best_step_of(const Json& manifest) {
  const Json& best = manifest.at("best_step");
  return best.is_null() ? std::nullopt : std::optional(best.get<int64_t>());
}

std::string read_stamped(const fs::path& path, const Json& expected) {
  std::string content = read_file(path);
  const FileStamp stamp = stamp_of(content);
  const auto length = expected.at("length").get<uint64_t>();
  TEV_CHECK(stamp.length == length, path.string(), ": ", stamp.length, " bytes (", length,
            " were written). The file is damaged.");
  TEV_CHECK(stamp.hash == expected.at("xxh3_128").get<std::string>(), path.string(),
            ": the content does not have the hash that was written. The file is damaged.");
  return content;
}

}  // namespace

void write_checkpoint_folder(const fs::path& folder, const CheckpointData& data, std::optional<int64_t> best_step) {
  check_finite(data.state, (folder / state_name).string() + ": ");
  Json files = Json::object();
  for (const auto& [part, tensors] : data.parts) {
    TEV_CHECK(is_plain_name(part), "checkpoint: part '", part, "' (letters, digits, _ and - make a file name).");
    const std::string name = part + tensors_suffix;
    files[name] = stamp_json(write_safetensors(folder / name, tensors));
  }
  files[state_name] = stamp_json(write_file(folder / state_name, data.state.dump(1) + "\n"));
  Json manifest = {{"version", format_version}, {"step", data.step}, {"best_step", nullptr}, {"files", files}};
  if (best_step) manifest["best_step"] = *best_step;
  manifest["manifest_xxh3_128"] = manifest_hash(manifest);
  write_file(folder / manifest_name, manifest.dump(1) + "\n");
  sync_directory(folder);
}

CheckpointFolder read_checkpoint_folder(const fs::path& folder) {
  const Json manifest = read_manifest(folder);
  CheckpointFolder result;
  result.data.step = manifest.at("step").get<int64_t>();
  result.best_step = best_step_of(manifest);
  for (const auto& [name, expected] : manifest.at("files").items()) {
    const fs::path path = folder / name;
    const std::string content = read_stamped(path, expected);
    if (name == state_name)
      result.data.state = Json::parse(content);
    else
      result.data.parts[path.stem().string()] = parse_safetensors(content, path.string()).tensors;
  }
  return result;
}

std::optional<int64_t> best_step_of_folder(const fs::path& folder) {
  try {
    return best_step_of(read_manifest(folder));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace tev
