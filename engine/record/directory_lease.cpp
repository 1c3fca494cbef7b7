#include "engine/record/directory_lease.hpp"

#include "base/check.hpp"
#include "engine/record/host.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace tev {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::string read_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Start time of a process in ticks since the boot; "" if it is gone or only waits to be collected. A number of a
/// process is given again, its start time is not.
std::string start_ticks(int64_t pid) {
  const std::string text = read_text("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return "";
  std::istringstream rest(text.substr(name_end + 1));
  std::string state, field;
  rest >> state;
  for (int number = 4; number <= 22; ++number) rest >> field;
  return state == "Z" || state == "X" ? "" : field;
}

std::string boot_id() { return read_text("/proc/sys/kernel/random/boot_id").substr(0, 36); }

std::string own_content() {
  const int64_t pid = ::getpid();
  return Json{{"host", host_name()}, {"boot", boot_id()}, {"process", pid}, {"start", start_ticks(pid)}}.dump() + "\n";
}

/// A lease that cannot be read was cut short by a kill: its process is gone, on whatever host it was.
struct Holder {
  std::string host, boot, start;
  int64_t process = 0;

  static Holder parse(const std::string& content) {
    const Json json = Json::parse(content, nullptr, false);
    if (!json.is_object()) return {};
    return {json.value("host", ""), json.value("boot", ""), json.value("start", ""), json.value("process", int64_t{0})};
  }
  bool gone() const {
    if (process == 0) return true;
    if (host != host_name()) return false;
    return boot != boot_id() || start_ticks(process) != start;
  }
  std::string text() const { return "process " + std::to_string(process) + " on host " + host; }
};

/// Makes the file with its content; false if it is there already. The content is written under a name of its own and then
/// linked, so that nobody ever sees an empty lease and takes it for one of a process that is gone.
bool create_exclusively(const fs::path& path, const std::string& content, const std::string& another) {
  const fs::path own = path.string() + ".new-" + host_name() + "-" + std::to_string(::getpid());
  const int file = ::open(own.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  TEV_CHECK_INPUT(file >= 0, path.parent_path().string(), ": cannot be written (", std::strerror(errno),
                  "). Choose ", another, ".");
  const ssize_t written = ::write(file, content.data(), content.size());
  int error = written < 0 ? errno : written < static_cast<ssize_t>(content.size()) ? ENOSPC : 0;
  if (error == 0 && ::link(own.c_str(), path.c_str()) != 0) error = errno;
  // A network file system may have made the link and lost the answer.
  struct stat status{};
  if (error == EEXIST && ::fstat(file, &status) == 0 && status.st_nlink == 2) error = 0;
  ::close(file);
  ::unlink(own.c_str());
  if (error != 0 && error != EEXIST)
    throw Error(c10::str(path.string(), ": cannot be made (", std::strerror(error), "). ",
                         error == ENOSPC || error == EDQUOT ? "Free some space there." : "Choose " + another + "."));
  return error == 0;
}

/// Takes away the lease of a process that is gone. Two processes may come here together: what the rename caught is read
/// again, and a lease that somebody else has just made goes back.
void remove_stale(const fs::path& path, const std::string& stale_content) {
  const fs::path caught = path.string() + ".stale-" + std::to_string(::getpid());
  if (::rename(path.c_str(), caught.c_str()) != 0) return;  // somebody else was faster
  if (read_text(caught) != stale_content && ::link(caught.c_str(), path.c_str()) != 0 && errno != EEXIST)
    throw Error(c10::str(path.string(), ": cannot be given back to its owner (", std::strerror(errno), ")."));
  ::unlink(caught.c_str());
}

}  // namespace

DirectoryLease::DirectoryLease(const fs::path& directory, const std::string& another) : path_(directory / "lease"), content_(own_content()) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (create_exclusively(path_, content_, another)) return;
    const std::string found = read_text(path_);
    const Holder holder = Holder::parse(found);
    TEV_CHECK_INPUT(holder.gone(), directory.string(), ": is being written by ", holder.text(),
                    ". Wait for it, choose ", another, ", or, if that process is gone, remove ",
                    path_.string(), ".");
    remove_stale(path_, found);
  }
  throw InputError(c10::str(directory.string(), ": several processes want to write it at once. Start one of them."));
}

DirectoryLease::~DirectoryLease() {
  if (read_text(path_) == content_) ::unlink(path_.c_str());
}

std::string DirectoryLease::holder(const fs::path& directory) {
  const std::string content = read_text(directory / "lease");
  const Holder holder = Holder::parse(content);
  return content.empty() || holder.gone() ? "" : holder.text();
}

}  // namespace tev
