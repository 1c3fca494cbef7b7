// tevatrain bench data CONFIG: how fast the data of a configuration can be streamed, and what limits it.

#include "base/check.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/stream/data_session.hpp"
#include "engine/cli/command.hpp"
#include "engine/config/run_config.hpp"
#include "engine/record/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace tev {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMiB = 1 << 20;

struct Request {
  std::string config;
  std::vector<std::string> overrides;
  int64_t epochs = 1;
  std::string stage = "features";
  bool cold = false, first_batch = false, json = false;
};

struct Stage {
  std::string name;
  double seconds;
  bool has_own_thread = false;  ///< one, whatever data.workers says
  std::string advice{};
};

struct Result {
  int64_t events = 0, batches = 0;
  double seconds = 0, first_batch_s = 0, wait_s = 0, gather_s = 0;
  double stored_mib = 0, decoded_mib = 0;
  double raw_read_mib_s = 0;  ///< whole files, as many threads
  double raw_shuffled_mib_s = 0;  ///< the same in shuffled blocks of 1 MiB; measured with a cold cache
  std::vector<Stage> stages;  ///< of all threads together
};

const std::map<std::string, EventSource::Stage>& stages() {
  static const std::map<std::string, EventSource::Stage> names{
      {"raw", EventSource::Stage::raw}, {"features", EventSource::Stage::standardised}};
  return names;
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Asks the system to forget what it holds of the files.
void drop_from_cache(const std::vector<std::string>& files) {
  for (const auto& path : files) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    TEV_CHECK_INPUT(file >= 0, path, ": cannot be opened. Check its rights.");
    const int failed = ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
    TEV_CHECK(failed == 0, path, ": --cold: the system does not drop it from its cache. Leave --cold out.");
  }
}

/// MiB/s of reading all files in blocks of 1 MiB by several threads, each a share of the blocks as they lie or in a shuffled order.
double raw_pass_rate(const std::vector<std::string>& files, int64_t num_threads, bool shuffled) {
  constexpr uint64_t kBlock = 1 << 20;
  const auto begin = Clock::now();
  std::vector<std::pair<const std::string*, uint64_t>> blocks;
  double bytes = 0;
  for (const auto& path : files) {
    const uint64_t size = hdf5::RawFile(path).identity().bytes;
    bytes += static_cast<double>(size);
    for (uint64_t at = 0; at < size; at += kBlock) blocks.emplace_back(&path, at);
  }
  if (shuffled) std::shuffle(blocks.begin(), blocks.end(), std::mt19937_64(7));
  const auto first_of = [&](int64_t t) { return blocks.size() * static_cast<size_t>(t) / static_cast<size_t>(num_threads); };
  std::vector<std::future<void>> shares;
  for (int64_t t = 0; t < num_threads; ++t)
    shares.push_back(std::async(std::launch::async, [&, t] {
      const std::unique_ptr<char[]> buffer(new char[kBlock]);
      std::optional<hdf5::RawFile> file;
      for (size_t i = first_of(t); i < first_of(t + 1); ++i) {
        const auto& [path, offset] = blocks[i];
        if (!file || file->path() != *path) file.emplace(*path);
        file->read(offset, std::min(kBlock, file->identity().bytes - offset), buffer.get());
      }
    }));
  for (auto& share : shares) share.get();
  return bytes / kMiB / seconds_since(begin);
}

/// Reads the files as they lie: the best of three passes, the first of which also wakes the machine. With a cold cache one, and one in shuffled
/// order, as the chunks of an epoch come.
void measure_raw_reads(const std::vector<std::string>& files, int64_t num_threads, bool cold, Result& result) {
  if (!cold) {
    for (int pass = 0; pass < 3; ++pass) result.raw_read_mib_s = std::max(result.raw_read_mib_s, raw_pass_rate(files, num_threads, /*shuffled=*/false));
    return;
  }
  drop_from_cache(files);
  result.raw_read_mib_s = raw_pass_rate(files, num_threads, /*shuffled=*/false);
  drop_from_cache(files);
  result.raw_shuffled_mib_s = raw_pass_rate(files, num_threads, /*shuffled=*/true);
}

/// Batches to the last one, or to the first.
void stream_batches(DataSession& data, const Cursor& start, const Request& request, Messages& messages, Result& result) {
  const auto begin = Clock::now();
  const auto stream = data.training_stream(start, request.epochs, {}, stages().at(request.stage));
  const int64_t total = request.epochs * data.num_events(Split::train);
  messages.progress("streaming", 0, total, "events");
  while (const auto batch = stream->next()) {
    if (result.batches++ == 0) result.first_batch_s = seconds_since(begin);
    result.events += batch->size();
    if (request.first_batch) break;
    messages.progress("streaming", result.events, total, "events");
  }
  result.seconds = seconds_since(begin);
  messages.end_progress("streaming");
  result.wait_s = stream->wait_seconds();
  result.gather_s = stream->gather_seconds();
}

/// Units without batches.
void read_units(DataSession& data, Cursor cursor, const Request& request, Result& result) {
  const auto begin = Clock::now();
  for (cursor.epoch = 0; cursor.epoch < request.epochs; ++cursor.epoch) data.read_training_units(cursor);
  result.seconds = seconds_since(begin);
  result.events = request.epochs * data.num_events(Split::train);
}

Result measure(DataSession& data, const RunConfig& config, const Request& request, Messages& messages) {
  Result result;
  const auto files = data.file_paths(Split::train);
  const StageTimes& times = data.stage_times();
  const Cursor start = data.start_cursor(config.train.batch_size);
  if (!request.first_batch) measure_raw_reads(files, config.data.workers, request.cold, result);
  if (request.cold) drop_from_cache(files);
  const auto before = std::array{times.read_ns.load(), times.decode_ns.load(), times.library_ns.load(), times.convert_ns.load(), times.transform_ns.load(),
                                 times.stored_bytes.load(), times.decoded_bytes.load()};
  if (request.stage == "read")
    read_units(data, start, request, result);
  else
    stream_batches(data, start, request, messages, result);
  const auto since = [&](const std::atomic<int64_t>& now, size_t i) { return static_cast<double>(now - before[i]); };
  result.stages = {{"read", 1e-9 * since(times.read_ns, 0)},
                   {"decode", 1e-9 * since(times.decode_ns, 1)},
                   {"HDF5 library", 1e-9 * since(times.library_ns, 2), true, ". Write the files anew: tevatrain repack FILE... FOLDER"},
                   {"convert", 1e-9 * since(times.convert_ns, 3)},
                   {request.stage == "features" ? "features" : "label and weight", 1e-9 * since(times.transform_ns, 4)},
                   {"gather", result.gather_s, true}};
  result.stored_mib = since(times.stored_bytes, 5) / kMiB;
  result.decoded_mib = since(times.decoded_bytes, 6) / kMiB;
  return result;
}

/// What the stream waits for most.
std::string limit_of(const Result& result, int64_t workers) {
  double busy = 0;
  const Stage *longest = &result.stages.front(), *alone = &result.stages.back();
  for (const auto& stage : result.stages) {
    const Stage*& most = stage.has_own_thread ? alone : longest;
    if (stage.seconds > most->seconds) most = &stage;
    if (!stage.has_own_thread) busy += stage.seconds;
  }
  const double share = busy / (result.seconds * static_cast<double>(workers)), alone_share = alone->seconds / result.seconds;
  if (alone_share > share) return fmt::format("{}: its one thread is busy {:.0f} % of the time{}", alone->name, 100 * alone_share, alone->advice);
  return fmt::format("{}: {} worker{} busy {:.0f} % of the time, {:.0f} % of that with it", longest->name, workers, workers == 1 ? " is" : "s are",
                     100 * share, 100 * longest->seconds / std::max(1e-9, busy));
}

void print(const Result& result, const RunConfig& config, const Request& request, size_t num_files) {
  const double rate = static_cast<double>(result.events) / result.seconds;
  const std::string batches = result.batches > 0 ? fmt::format(" in {} batches of {}", result.batches, config.train.batch_size) : "";
  std::cout << fmt::format("{} events{} from {} file{}, {} epoch{}, {} worker{}, {}\n", result.events, batches, num_files, num_files == 1 ? "" : "s", request.epochs, request.epochs == 1 ? "" : "s",
                           config.data.workers, config.data.workers == 1 ? "" : "s",
                           "stage " + request.stage)
            << fmt::format("  rate         {:>12.0f} events/s {:>10.1f} MiB/s uncompressed {:>10.1f} MiB/s as stored\n", rate,
                           result.decoded_mib / result.seconds, result.stored_mib / result.seconds);
  if (result.batches > 0) std::cout << fmt::format("  first batch  {:>12.3f} s\n", result.first_batch_s);
  const auto print_raw = [&](double raw_mib_s, std::string_view how) {
    if (raw_mib_s > 0)
      std::cout << fmt::format("  raw read     {:>12.1f} MiB/s by as many threads{}; the stream reads at {:.1f} % of it\n", raw_mib_s, how,
                               100 * result.stored_mib / result.seconds / raw_mib_s);
  };
  print_raw(result.raw_read_mib_s, "");
  print_raw(result.raw_shuffled_mib_s, " in shuffled blocks of 1 MiB");
  std::cout << fmt::format("  {:<20} {:>10} {:>16}\n", "stage", "seconds", "MiB/s a thread");
  for (const auto& stage : result.stages)
    if (stage.seconds > 0) std::cout << fmt::format("  {:<20} {:>10.3f} {:>16.1f}\n", stage.name, stage.seconds,
                             (stage.name == "read" ? result.stored_mib : result.decoded_mib) / stage.seconds);
  std::cout << "  limit: " << limit_of(result, config.data.workers) << "\n";
}

void print_json(const Result& result, const RunConfig& config, const Request& request) {
  nlohmann::ordered_json line{{"benchmark", "data"}, {"config", request.config}, {"stage", request.stage},
                              {"workers", config.data.workers}, {"batch_size", config.train.batch_size}, {"epochs", request.epochs},
                              {"cold", request.cold}, {"events", result.events}, {"seconds", result.seconds},
                              {"events_per_s", static_cast<double>(result.events) / result.seconds},
                              {"stored_mib", result.stored_mib},
                              {"decoded_mib", result.decoded_mib}};
  if (result.batches > 0) line.update({{"first_batch_s", result.first_batch_s}, {"wait_s", result.wait_s}});
  if (result.raw_read_mib_s > 0) line["raw_read_mib_s"] = result.raw_read_mib_s;
  if (result.raw_shuffled_mib_s > 0) line["raw_shuffled_mib_s"] = result.raw_shuffled_mib_s;
  for (const auto& stage : result.stages) line["stages"][stage.name] = stage.seconds;
  std::cout << line.dump() << "\n";
}

int bench_data(const Request& request) {
  TerminalMessages messages;
  const RunConfig config = load_run_config(request.config, request.overrides);
  DataSession data(config.data, static_cast<uint64_t>(config.seed), messages);
  const Result result = measure(data, config, request, messages);
  if (request.json)
    print_json(result, config, request);
  else
    print(result, config, request, data.file_paths(Split::train).size());
  return exit_done;
}

}  // namespace

void add_bench(CLI::App& app, Command& chosen) {
  auto* bench = app.add_subcommand("bench", "Measure how fast something runs here");
  bench->require_subcommand(1);
  auto* command = bench->add_subcommand("data", "Stream the training data of a configuration: rate, stages, what limits it");
  auto request = std::make_shared<Request>();
  command->add_option("config", request->config, "Configuration file")->required();
  command->add_option("overrides", request->overrides, "Changes to it, e.g. data.workers=4");
  command->add_option("--epochs", request->epochs, "Epochs to stream; what fits into data.budget_mib is read once")
      ->check(CLI::PositiveNumber)->capture_default_str();
  command->add_option("--stage", request->stage,
                      "How far events go: `read` chunks into memory without batches, every epoch anew, `raw` columns in batches (what other loaders deliver), or `features`")
      ->check(CLI::IsMember({"read", "raw", "features"}))->capture_default_str();
  command->add_flag("--cold", request->cold, "Ask the system to drop the files from its cache first; reads them twice besides, end to end and in shuffled blocks, to compare with");
  command->add_flag("--first-batch", request->first_batch, "Stop at the first batch, and leave out the reading at full speed for comparison");
  command->add_flag("--json", request->json, "One line of JSON");
  command->footer("Standardisation is left at mean 0 and scale 1: it costs the same with any constants.\n"
                  "Examples:\n  tevatrain bench data configs/top/pfn.yaml\n"
                  "  tevatrain bench data configs/top/pfn.yaml data.workers=2 --stage raw --cold");
  command->callback([request, &chosen] { chosen = [request] { return bench_data(*request); }; });
}

}  // namespace tev
