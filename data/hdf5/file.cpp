#include "data/hdf5/file.hpp"

#include "data/hdf5/attributes.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace tev::hdf5 {
namespace {

constexpr const char* kRemedy = "). Copy or make it again.";

/// Why a file that the library does not open cannot be what was meant.
void check_is_hdf5(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  TEV_CHECK_INPUT(fs::exists(path, code), path, ": no such file (an HDF5 file was expected). Check the path.");
  TEV_CHECK_INPUT(!fs::is_directory(path, code), path,
                  ": is a folder (an HDF5 file was expected). Name the files in it, ", "e.g. ", path, "/*.h5.");
  TEV_CHECK_INPUT(access(path.c_str(), R_OK) == 0, path, ": cannot be read (", std::strerror(errno),
                  "). Check its rights.");
  TEV_CHECK_INPUT(fs::file_size(path, code) > 0, path, ": is empty (an HDF5 file was expected", kRemedy);
  TEV_CHECK_INPUT(TEV_H5_NOTHROW(H5Fis_hdf5(path.c_str())) > 0, path,
                  ": is not an HDF5 file (it does not begin with the HDF5 ",
                  "signature). Convert it, or name another file.");
}

[[noreturn]] void throw_open_error(const std::string& path) {
  const std::string reason = take_message();
  check_is_hdf5(path);
  check_format(path, reason);
  const auto stored = reason.find("stored_eof = ");
  if (reason.rfind("truncated file", 0) == 0 && stored != std::string::npos) {
    std::error_code code;
    throw InputError(c10::str(path, ": is truncated: ", std::filesystem::file_size(path, code),
                              " bytes (its header says ", reason.substr(stored + 13),
                              ": an incomplete copy or a writer that was stopped", kRemedy));
  }
  throw InputError(c10::str(path, ": cannot be opened (HDF5: ", reason, kRemedy));
}

const Handle& access_without_locks() {
  static const Handle list = [] {
    Handle made(TEV_H5(H5Pcreate(H5P_FILE_ACCESS), "access to files"), H5Pclose);
    TEV_H5(H5Pset_file_locking(made.id(), false, true), "access to files");
    return made;
  }();
  return list;
}

herr_t collect_dataset(hid_t, const char* name, const H5O_info_t* info, void* paths) {
  if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(paths)->push_back(absolute_path(name));
  return 0;
}

}  // namespace

std::string absolute_path(const std::string& dataset) {
  return !dataset.empty() && dataset.front() == '/' ? dataset : c10::str("/", dataset);
}

Handle create_file(const std::string& path) {
  return {TEV_H5(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_without_locks().id()), path, ": cannot be created"), H5Fclose};
}

std::shared_ptr<const File> File::open(const std::string& path) {
  Handle handle(TEV_H5_NOTHROW(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_without_locks().id())), H5Fclose);
  if (!handle) throw_open_error(path);
  return std::shared_ptr<const File>(new File(path, std::move(handle)));
}

std::vector<std::string> File::dataset_paths() const {
  std::vector<std::string> paths;
  TEV_H5(H5Ovisit(id(), H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &paths), path_, ": listing the datasets");
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> File::dataset_names() const {
  auto names = dataset_paths();
  for (auto& name : names) name.erase(0, 1);
  return names;
}

bool File::has_dataset(const std::string& path) const {
  const std::string full = absolute_path(path);
  // HDF5 answers for the last link only: a missing group on the way is an error, which is a no as well.
  H5O_info_t info;
  return TEV_H5_NOTHROW(H5Oget_info_by_name2(id(), full.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT)) >= 0 && info.type == H5O_TYPE_DATASET;
}

std::string File::text_attribute(const std::string& object, const std::string& name) const {
  for (const auto& [key, text] : attribute_texts(*this, object))
    if (key == name) return text;
  return "";
}

}  // namespace tev::hdf5
