#include "engine/record/run_directory.hpp"

#include "base/check.hpp"
#include "engine/checkpoint/durable_file.hpp"

#include <nlohmann/json.hpp>

namespace tev {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::pair<RunState, const char*> state_names[] = {
    {RunState::started, "started"}, {RunState::stopped, "stopped"}, {RunState::finished, "finished"}};

/// A folder that is there, has something in it and is no run was hardly meant.
void check_is_run(const RunPaths& paths) {
  std::error_code error;
  if (!fs::exists(paths.root, error)) return;
  TEV_CHECK_INPUT(fs::is_directory(paths.root, error), paths.root.string(),
                  ": is a file, not a run directory. Choose another with --run DIR.");
  for (const auto& entry : fs::directory_iterator(paths.root, error)) {
    const std::string name = entry.path().filename().string();
    TEV_CHECK_INPUT(
        fs::exists(paths.status()) || name.starts_with("lease") || name == "log.txt" || name == "status.json.tmp",
        paths.root.string(), ": is a folder that holds other things (", name,
        ") and no run (status.json is missing). Choose another with --run DIR.");
  }
  TEV_CHECK_INPUT(!error, paths.root.string(), ": cannot be read (", error.message(),
                  "). Choose another with --run DIR.");
}

void make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  TEV_CHECK_INPUT(!error, path.string(), ": cannot be made (", error.message(),
                  "). Choose another run directory with --run DIR.");
}

}  // namespace

fs::path default_run_directory(const fs::path& config_file) { return fs::path("runs") / config_file.stem(); }

RunState run_state(const fs::path& root) {
  const RunPaths paths{root};
  check_is_run(paths);
  if (!fs::exists(paths.status())) return RunState::absent;
  const Json json = Json::parse(read_file(paths.status()), nullptr, false);
  const std::string name = json.is_object() ? json.value("state", "") : "";
  for (const auto& [state, text] : state_names)
    if (name == text) return state;
  throw InputError(c10::str(paths.status().string(),
                            ": is damaged (a state started, stopped or finished was expected). "
                            "Start again with --fresh."));
}

std::optional<fs::path> move_run_aside(const fs::path& root) {
  std::error_code error;
  if (!fs::exists(root, error)) return std::nullopt;
  check_is_run(RunPaths{root});
  const std::string holder = DirectoryLease::holder(root);
  TEV_CHECK_INPUT(holder.empty(), root.string(), ": is being written by ", holder, ". Stop it first.");
  fs::path plain = root.lexically_normal();
  if (plain.filename().empty()) plain = plain.parent_path();  // "runs/x/"
  fs::path target;
  for (int number = 1; target.empty() || fs::exists(target); ++number)
    target = plain.string() + ".old-" + std::to_string(number);
  fs::rename(plain, target, error);
  TEV_CHECK_INPUT(!error, root.string(), ": cannot be renamed to ", target.string(), " (", error.message(), ").");
  return target;
}

RunDirectory::RunDirectory(fs::path root) : paths_{std::move(root)} {
  check_is_run(paths_);
  make_directory(paths_.root);
  lease_.emplace(paths_.root);
  if (!fs::exists(paths_.status())) set_state(RunState::started, 0);
  for (const auto& folder : {paths_.checkpoints(), paths_.predictions(), paths_.exported(), paths_.report()})
    make_directory(folder);
}

void RunDirectory::set_state(RunState state, int64_t step) {
  for (const auto& [known, text] : state_names)
    if (known == state) return replace_file(paths_.status(), Json{{"state", text}, {"step", step}}.dump() + "\n");
  throw Error(c10::str(paths_.status().string(), ": a run that is there cannot be called absent."));
}

void RunDirectory::write_config(const std::string& resolved_yaml) { replace_file(paths_.config(), resolved_yaml); }

}  // namespace tev
