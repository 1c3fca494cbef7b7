#include "engine/record/provenance.hpp"

#include "engine/checkpoint/durable_file.hpp"
#include "engine/record/host.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>
#include <fstream>

namespace tev {
namespace {

using Json = nlohmann::ordered_json;

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown";
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json session(const Provenance& provenance) {
  Json versions = Json::object();
  for (const auto& [name, version] : provenance.versions) versions[name] = version;
  return Json{{"started", utc_now()},
              {"from_step", provenance.from_step},
              {"command_line", provenance.command_line},
              {"config_hash", stamp_of(provenance.resolved_config).hash},
              {"data_fingerprint", provenance.data_fingerprint},
              {"commit", source_commit()},
              {"versions", versions},
              {"host", host_name()},
              {"cpu", cpu_model()},
              {"threads", provenance.threads}};
}

}  // namespace

std::string source_commit() { return TEV_SOURCE_COMMIT; }

void add_provenance(const std::filesystem::path& path, const Provenance& provenance) {
  Json json = std::filesystem::exists(path) ? Json::parse(read_file(path), nullptr, false) : Json::object();
  if (!json.is_object() || !json["sessions"].is_array()) json = Json{{"sessions", Json::array()}};
  json["sessions"].push_back(session(provenance));
  replace_file(path, json.dump(2) + "\n");
}

}  // namespace tev
