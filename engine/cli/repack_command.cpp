// tevatrain repack IN... OUT: HDF5 files of any layout into files that are fast to read.

#include "base/check.hpp"
#include "data/catalog/expand_files.hpp"
#include "data/order/cursor.hpp"
#include "data/repack/configured_input.hpp"
#include "data/repack/repack.hpp"
#include "data/repack/stored_input.hpp"
#include "data/write/output_file.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/cli/command.hpp"
#include "engine/cli/cpu_allocator.hpp"
#include "engine/config/compare.hpp"
#include "engine/config/run_config.hpp"
#include "engine/record/directory_lease.hpp"
#include "engine/record/terminal.hpp"
#include "engine/train/stop_request.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>

namespace tev {
namespace {

namespace fs = std::filesystem;

struct Request {
  std::vector<std::string> paths;  ///< the last one is the output
  std::string config;
  std::vector<std::string> columns, left_out, copied;
  RepackOrder order;
  bool keep_order = false, check = false;
  decode::Compression compression;
  int64_t shard_mib = 1024;
  RepackResources resources;
};

/// Where shards go, and what has been written so far.
class Output {
 public:
  explicit Output(const std::string& path) : path_(path), is_file_(path.ends_with(".h5") || path.ends_with(".hdf5")) {}

  bool is_file() const { return is_file_; }
  std::string shard(int64_t index) const { return is_file_ ? path_.string() : (path_ / fmt::format("part-{:05}.h5", index)).string(); }
  std::vector<std::string> shards(int64_t count) const {
    std::vector<std::string> paths;
    for (int64_t i = 0; i < count; ++i) paths.push_back(shard(i));
    return paths;
  }
  std::string pattern() const { return is_file_ ? path_.string() : (path_ / "part-*.h5").string(); }

  /// Makes the folder, for this process alone, or compares what it was begun with.
  /// @throws InputError  it holds the output of something else, or another process writes it
  void begin(const nlohmann::ordered_json& made_from) {
    if (is_file_) {
      if (path_.has_parent_path()) fs::create_directories(path_.parent_path());
      return;
    }
    const fs::path manifest = path_ / "repack.json";
    TEV_CHECK_INPUT(!fs::exists(path_) || fs::exists(manifest) || is_empty(), path_.string(),
                    ": is not empty and no output of repack. Name a new folder, or a file that ends in .h5.");
    fs::create_directories(path_);
    lease_.emplace(path_, "another folder");
    if (!fs::exists(manifest) || !has_shards()) {
      replace_file(manifest, made_from.dump(1) + "\n");
      return;
    }
    const auto before = nlohmann::ordered_json::parse(read_file(manifest), nullptr, false);
    TEV_CHECK_INPUT(!before.is_discarded(), manifest.string(), ": cannot be understood. Remove the folder, or name another one.");
    const auto value_in = [](const auto& json, const std::string& key) { return json.contains(key) ? json.at(key).dump() : "(not there)"; };
    for (const auto* json : {&before, &made_from})  // a key may be in one of them alone
      for (const auto& [key, unused] : json->items())
        TEV_CHECK_INPUT(value_in(before, key) == value_in(made_from, key), path_.string(), ": was begun with ", key, " ", value_in(before, key), ", not ",
                        value_in(made_from, key), ". Give the same files and options to go on, or name another folder.");
  }

  /// The first shard that is not there.
  int64_t first_missing(int64_t count) const {
    int64_t index = 0;
    while (index < count && fs::exists(shard(index))) ++index;
    return index;
  }

 private:
  /// But for what a killed process leaves before it has begun.
  bool is_empty() const {
    const fs::directory_iterator entries(path_);
    return std::all_of(fs::begin(entries), fs::end(entries), [](const auto& entry) { return entry.path().filename().string().starts_with("lease"); });
  }

  bool has_shards() const {
    const fs::directory_iterator entries(path_);
    return std::any_of(fs::begin(entries), fs::end(entries), [](const auto& entry) { return entry.path().filename().string().starts_with("part-"); });
  }

  fs::path path_;
  bool is_file_;
  std::optional<DirectoryLease> lease_;
};

std::unique_ptr<RepackInput> open_input(const Request& request, const std::vector<std::string>& files, Messages& messages) {
  if (request.config.empty()) return open_stored_input(files, request.left_out, request.copied, request.resources);
  const RunConfig config = load_run_config(request.config, {});
  return open_configured_input(config.data, files, request.columns, request.order, request.resources, messages);
}

/// What of a configuration decides which events are written, and what they hold.
nlohmann::ordered_json written_part(const DataConfig& config) {
  DataConfig part;
  part.reader = config.reader;
  part.objects = config.objects;
  part.label = config.label;
  part.weight.field = config.weight.field;
  part.weight.index = config.weight.index;
  part.weight.column = config.weight.column;
  part.select = config.select;
  const std::set<std::string> sections{"reader", "objects", "label", "weight", "select"};
  nlohmann::ordered_json keys;
  for (const auto& flat : flatten(Fields::of(part)))
    if (sections.contains(flat.key.substr(0, flat.key.find_first_of(". "))) && flat.kind == KeyKind::physics)  // files are in the fingerprint
      keys["data." + flat.key] = flat.value;
  return keys;
}

nlohmann::ordered_json made_from(const Request& request, RepackInput& input, const RepackPlan& plan) {
  nlohmann::ordered_json columns;
  for (const auto& column : input.columns()) columns.push_back(column.written.dataset);
  nlohmann::ordered_json made = {
      {"version", 3}, {"order", Cursor::kVersion}, {"fingerprint", fmt::format("{:016x}", input.fingerprint())}, {"events", input.num_events()},
      {"columns", columns}, {"copied", input.copied()}, {"groups", input.groups()}, {"shuffled", request.order.shuffled},
      {"seed", request.order.seed}, {"shuffle_rows", input.shuffle(request.order).shuffle_rows}, {"compression", request.compression.name},
      {"level", request.compression.level}, {"events_per_step", plan.batch_size}, {"steps_per_shard", plan.steps_per_shard}};
  if (!request.config.empty()) made.update(written_part(load_run_config(request.config, {}).data));
  return made;
}

double mib_on_disk(const std::vector<std::string>& paths) {
  double bytes = 0;
  for (const auto& path : paths) bytes += static_cast<double>(fs::file_size(path));
  return bytes / (1 << 20);
}

int stopped(const std::string& what_now) {
  std::cerr << "tevatrain: repack: stopped. " << what_now << "\n";
  return exit_stopped;
}

/// @return  whether both hold the same events; nothing if it was stopped
std::optional<bool> check(const Request& request, std::unique_ptr<RepackInput> input, const std::vector<std::string>& shards, const StopRequest& stop,
                          Messages& messages) {
  const auto asked = [&stop] { return stop.signal() != 0; };
  const auto copied = input->copied();
  const auto wanted = digest_of(*input, "input", asked, messages);
  if (!wanted) return std::nullopt;
  input.reset();  // the budget is for one of them
  const auto output = open_stored_input(shards, {}, copied, request.resources);
  const auto got = digest_of(*output, "output", asked, messages);
  if (!got) return std::nullopt;
  const bool equal = *wanted == *got;
  std::cout << fmt::format("check: {} events in the input, {} in the output, {}\n", wanted->num_events(), got->num_events(),
                           equal ? "all columns equal" : "NOT equal");
  return equal;
}

int run(Request request) {
  TEV_CHECK_INPUT(request.paths.size() >= 2, "repack: an input and an output are needed, e.g. tevatrain repack 'jets_*.h5' jets_fast.");
  const std::string out = request.paths.back();
  const auto files = expand_files({request.paths.begin(), request.paths.end() - 1}, "repack");
  check_apart("repack", out, files);
  request.order.shuffled = !request.keep_order;
  keep_memory_low();
  TerminalMessages messages;
  const StopRequest stop;
  Output output(out);
  auto input = open_input(request, files, messages);
  for (const auto& note : input->notes()) messages.info(note);
  const RepackPlan plan = plan_repack(*input, output.is_file() ? 0 : request.shard_mib << 20);
  output.begin(made_from(request, *input, plan));

  RepackJob job{request.order, request.compression, request.resources.workers, output.first_missing(plan.num_shards),
                [&output](int64_t shard) { return output.shard(shard); }, [&stop] { return stop.signal() != 0; }};
  TEV_CHECK_INPUT(job.first_shard == 0 || !output.is_file() || request.check, out,
                  ": is there already. Remove it, name another output, or give --check to compare it with the input.");
  const auto shards = output.shards(plan.num_shards);
  if (job.first_shard < plan.num_shards) {
    if (job.first_shard > 0) messages.info(fmt::format("{}: {} of {} shards are there; going on", out, job.first_shard, plan.num_shards));
    const auto begin = std::chrono::steady_clock::now();
    const auto written = repack(*input, plan, job, messages);
    if (!written)
      return stopped(output.is_file() ? "Nothing is left behind; a folder as output keeps what is complete." : "Run the same command again to go on.");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const auto new_shards = plan.num_shards - job.first_shard;
    std::cout << fmt::format("{} events into {} file{} in {:.1f} s ({:.0f} events/s); {:.1f} MiB in all, before {:.1f} MiB\n", *written, new_shards,
                             new_shards == 1 ? "" : "s", seconds, static_cast<double>(*written) / std::max(1e-9, seconds), mib_on_disk(shards),
                             mib_on_disk(input->file_paths()));
  } else {
    std::cout << out << ": complete\n";
  }
  if (request.check) {
    const auto equal = check(request, std::move(input), shards, stop, messages);
    if (!equal) return stopped("The output is complete, but not checked: run the same command again.");
    if (!*equal) {
      std::cerr << "tevatrain: " << out << ": holds other events than the input. "
                << (job.first_shard < plan.num_shards ? "Remove it and repack again.\n" : "It is no repack of these files (or was the output not named last?).\n");
      return exit_failure;
    }
  }
  if (!request.config.empty())
    std::cout << "\n# in place of the data section's reader, files, objects and label, and of field, index and column of its weight; the rest stays\n"
              << data_section(load_run_config(request.config, {}).data, "'" + output.pattern() + "'");
  return exit_done;
}

}  // namespace

void add_repack(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("repack", "Write HDF5 files anew: shuffled, compressed with zstd, in chunks that are fast to read");
  auto request = std::make_shared<Request>();
  command->add_option("paths", request->paths, "Files or globs to read, then the output: a folder of shards, or a file that ends in .h5")->required();
  command->add_option("--config", request->config,
                      "Write what this configuration reads (objects, label, weight; `valid` and `select` applied) as flat rows with extents; "
                      "without it every dataset keeps its name and type");
  command->add_option("--columns", request->columns, "With --config: more columns an event to take along, as in predict")->needs("--config");
  command->add_option("--leave-out", request->left_out, "Datasets or groups that are not needed")->excludes("--config");
  command->add_option("--copy", request->copied, "Datasets or groups that belong to no event and are taken as they are")->excludes("--config");
  command->add_flag("--keep-order", request->keep_order, "Do not shuffle");
  command->add_option("--seed", request->order.seed, "Of the shuffle")->capture_default_str();
  command->add_option("--shuffle-rows", request->order.shuffle_rows, "Events that are shuffled together; 0: as --config says, or 262144, or more where events are small or chunks large")
      ->check(CLI::NonNegativeNumber)->capture_default_str();
  command->add_option("--compression", request->compression.name, "zstd is fastest to read; gzip needs no plugin anywhere")
      ->check(CLI::IsMember({"zstd", "gzip", "none"}))->capture_default_str();
  command->add_option("--level", request->compression.level, "Of the compression")->check(CLI::Range(1, 12))->capture_default_str();
  command->add_option("--shard-mib", request->shard_mib, "Uncompressed size of a shard, about")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--workers", request->resources.workers, "Threads that read, and as many that compress")
      ->check(CLI::Range(1, 256))->capture_default_str();
  command->add_option("--budget-mib", request->resources.budget_mib, "Memory; 0: as --config says, or a quarter of that of the machine or cgroup")
      ->check(CLI::NonNegativeNumber)->capture_default_str();
  command->add_flag("--check", request->check, "Read both again and prove that they hold the same events");
  command->footer("A folder of shards is continued where it was stopped by running the same command again.\n"
                  "Examples:\n  tevatrain repack 'datasets/jets_*.h5' datasets/jets_fast --check\n"
                  "  tevatrain repack test.h5 test_fast.h5 --keep-order --compression gzip\n"
                  "  tevatrain repack 'ftag/*.h5' ftag_flat --config configs/ftag.yaml --columns jets:eventNumber");
  command->callback([request, &chosen] { chosen = [request] { return run(*request); }; });
}

}  // namespace tev
