#include "engine/checkpoint/checkpoint.hpp"

#include "base/check.hpp"
#include "base/durable_rename.hpp"
#include "engine/checkpoint/checkpoint_folder.hpp"
#include "engine/checkpoint/durable_file.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tev {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view step_prefix = "step-";

/// The step of a folder name "step-N" with the given ending.
std::optional<int64_t> parse_step(std::string_view name, std::string_view suffix = "") {
  if (!name.starts_with(step_prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(step_prefix.size());
  name.remove_suffix(std::min(suffix.size(), name.size()));
  int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0) return std::nullopt;
  return step;
}

std::vector<std::string> entries(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  TEV_CHECK(!error || error == std::errc::no_such_file_or_directory, directory.string(),
            ": the checkpoints cannot be listed (", error.message(), ").");
  return names;
}

std::string step_name(int64_t step) { return std::string(step_prefix) + std::to_string(step); }

void make_directory(const fs::path& path) {
  std::error_code error;
  const bool is_new = fs::create_directories(path, error);
  TEV_CHECK(!error, path.string(), ": the folder cannot be made (", error.message(), ").");
  if (is_new) sync_directory(path.parent_path());
}

/// Removes what is not needed any more; a failure only leaves it lying about.
void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path directory, Messages& messages, StoreAccess access)
    : directory_(std::move(directory)), messages_(messages), access_(access) {
  if (access_ == StoreAccess::write) remove_leftovers();
  for (const int64_t step : steps())
    if ((best_ = best_step_of_folder(path(step)))) break;
}

fs::path CheckpointStore::path(int64_t step) const { return directory_ / step_name(step); }

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  for (const auto& name : entries(directory_))
    if (const auto step = parse_step(name)) steps.push_back(*step);
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

std::optional<int64_t> CheckpointStore::best_step() const {
  std::error_code error;
  return best_ && fs::exists(path(*best_), error) ? best_ : std::nullopt;
}

void CheckpointStore::remove_leftovers() const {
  for (const auto& name : entries(directory_)) {
    if (name.ends_with(".tmp")) remove_quietly(directory_ / name);
    // A save over an existing step was killed between its two renames: the old one is still the checkpoint.
    if (const auto step = parse_step(name, ".replaced")) {
      if (fs::exists(path(*step)))
        remove_quietly(directory_ / name);
      else
        rename_durably(directory_ / name, path(*step));
    }
  }
}

void CheckpointStore::save(const CheckpointData& data, int64_t keep_last, bool is_best) {
  TEV_CHECK(access_ == StoreAccess::write, directory_.string(), ": the checkpoints were opened for reading only.");
  TEV_CHECK(keep_last >= 1, "checkpoints: ", keep_last, " to keep (the newest one always stays).");
  const std::optional<int64_t> best = is_best ? data.step : best_step();
  const fs::path fresh = path(data.step).string() + ".tmp";
  try {
    make_directory(directory_);
    remove_quietly(fresh);
    make_directory(fresh);
    write_checkpoint_folder(fresh, data, best);
    put_in_place(data.step);
  } catch (const std::exception& error) {
    remove_quietly(fresh);
    throw Error(c10::str(error.what(), " The checkpoint of step ", data.step,
                         " was not written; earlier ones are intact."));
  }
  best_ = best;
  write_names(data.step);
  prune(data.step, keep_last);
}

void CheckpointStore::put_in_place(int64_t step) const {
  const fs::path target = path(step);
  const fs::path fresh = target.string() + ".tmp";
  const fs::path replaced = target.string() + ".replaced";
  if (!fs::exists(target)) return rename_durably(fresh, target);
  remove_quietly(replaced);
  rename_durably(target, replaced);
  rename_durably(fresh, target);
  remove_quietly(replaced);
}

void CheckpointStore::write_names(int64_t newest) const {
  replace_file(directory_ / "latest", step_name(newest) + "\n");
  if (best_)
    replace_file(directory_ / "best", step_name(*best_) + "\n");
  else
    remove_quietly(directory_ / "best");
}

void CheckpointStore::prune(int64_t newest, int64_t keep_last) const {
  std::set<int64_t> kept = {newest};
  for (const int64_t step : steps())
    if (static_cast<int64_t>(kept.size()) < keep_last) kept.insert(step);
  // After a fall-back an older checkpoint is the newest, and its best one must still be there.
  std::set<int64_t> best;
  for (const int64_t step : kept)
    if (const auto its_best = best_step_of_folder(path(step))) best.insert(*its_best);
  for (const int64_t step : steps())
    if (!kept.contains(step) && !best.contains(step)) {
      // Renamed first: a folder that is half deleted must not look like a checkpoint.
      const fs::path doomed = path(step).string() + ".tmp";
      std::error_code error;
      fs::rename(path(step), doomed, error);
      remove_quietly(doomed);
    }
}

std::optional<CheckpointData> CheckpointStore::load_latest() {
  std::vector<int64_t> damaged;
  std::string problems;
  for (const int64_t step : steps()) {
    try {
      CheckpointFolder folder = read_checkpoint_folder(path(step));
      if (!damaged.empty())
        messages_.warning(
            c10::str("checkpoints: step ", step, " is used instead of step ", damaged.front(), ".", problems));
      best_ = folder.best_step;
      if (access_ == StoreAccess::write) {
        for (const int64_t bad : damaged) set_aside(bad);
        write_names(step);
      }
      return std::move(folder.data);
    } catch (const InputError&) {
      throw;
    } catch (const std::exception& error) {
      if (!fs::exists(path(step))) continue;  // deleted by a running program since the folder was listed
      damaged.push_back(step);
      problems += c10::str(" ", error.what());
    }
  }
  TEV_CHECK(damaged.empty(), directory_.string(), ": none of the ", damaged.size(), " checkpoints can be read.",
            problems, " Restore one of them from a copy, or start anew.");
  return std::nullopt;
}

void CheckpointStore::set_aside(int64_t step) const {
  const fs::path aside = path(step).string() + ".damaged";
  remove_quietly(aside);
  rename_durably(path(step), aside);
}

CheckpointData CheckpointStore::load(int64_t step) const {
  std::error_code error;
  TEV_CHECK(fs::exists(path(step), error), path(step).string(), ": there is no such checkpoint.");
  return read_checkpoint_folder(path(step)).data;
}

/// The checkpoint that is marked as the best; nothing where none is, or where it is damaged or gone, which `problem` then says.
std::optional<CheckpointData> CheckpointStore::intact_best(std::string& problem) const {
  if (!best_) return std::nullopt;
  try {
    return load(*best_);
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    problem += std::string(" ") + error.what();
    return std::nullopt;
  }
}

CheckpointData CheckpointStore::load_best() {
  std::string problem;
  if (auto best = intact_best(problem)) return std::move(*best);
  const auto marked = best_;
  auto used = load_latest();  // best_ is now that of the newest one that is intact
  TEV_CHECK(used, directory_.string(), ": there is no checkpoint yet. Train the run first.");
  if (best_ != marked)
    if (auto best = intact_best(problem)) used = std::move(best);
  if (!problem.empty()) messages_.warning(c10::str("checkpoints: step ", used->step, " is used instead of the best one.", problem));
  return std::move(*used);
}

}  // namespace tev
