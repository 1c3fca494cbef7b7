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
  const auto stored = reason.find("stored_eof = ");
  if (reason.rfind("truncated file", 0) == 0 && stored != std::string::npos) {
    std::error_code code;
    throw InputError(c10::str(path, ": is truncated: ", std::filesystem::file_size(path, code),
                              " bytes (its header says ", reason.substr(stored + 13),
                              ": an incomplete copy or a writer that was stopped", kRemedy));
  }
  throw InputError(c10::str(path, ": cannot be opened (HDF5: ", reason, kRemedy));
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
  const Handle access_list(TEV_H5(H5Pcreate(H5P_FILE_ACCESS), path), H5Pclose);
  TEV_H5(H5Pset_file_locking(access_list.id(), false, true), path);
  return {TEV_H5(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_list.id()), path, ": cannot be created"), H5Fclose};
}

std::shared_ptr<const File> File::open(const std::string& path) {
  check_is_hdf5(path);
  const Handle access_list(TEV_H5(H5Pcreate(H5P_FILE_ACCESS), path), H5Pclose);
  TEV_H5(H5Pset_file_locking(access_list.id(), false, true), path);
  Handle handle(TEV_H5_NOTHROW(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_list.id())), H5Fclose);
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
  const Handle object(TEV_H5_NOTHROW(H5Oopen(id(), full.c_str(), H5P_DEFAULT)), H5Oclose);
  return object && H5Iget_type(object.id()) == H5I_DATASET;
}

std::string File::text_attribute(const std::string& object, const std::string& name) const {
  for (const auto& [key, text] : attribute_texts(*this, object))
    if (key == name) return text;
  return "";
}

}  // namespace tev::hdf5
