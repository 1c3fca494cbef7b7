#include "data/write/h5_writer.hpp"

#include "data/hdf5/describe.hpp"
#include "data/readers/dense_reader.hpp"
#include "tests/data/test_files.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>

#include <filesystem>

namespace tev {
namespace {

using test::request;
using test::test_file;

TEST(H5Writer, AppendedRowsComeBack) {
  const std::string path = test_file("written.h5");
  const auto first = at::rand({100, 3}), second = at::rand({57, 3});
  const auto ids = at::arange(157, at::kLong);
  H5Writer writer(path);
  writer.append("scores/top", first);
  writer.append("scores/top", second);
  writer.append("sample_id", ids);
  writer.append("class", std::vector<std::string>(157, "t\xc3\xb6p"));
  writer.set_attribute("/", "signal", 1);
  writer.set_attribute("scores/top", "step", int64_t{12});
  writer.close();

  const auto reader = test::open_file("dense", path, {request("scores/top"), request("sample_id", test::As::int64)});
  const auto tensors = test::values_of(*reader, 0, reader->num_events());
  EXPECT_TRUE(at::equal(tensors[0], at::cat({first, second})));
  EXPECT_TRUE(at::equal(tensors[1].flatten(), ids));
  for (const auto& dataset : hdf5::describe_file(path)) {
    EXPECT_EQ(dataset.shape[0], 157) << dataset.path;
    if (dataset.path == "/scores/top") {
      EXPECT_EQ(dataset.filters, (std::vector<std::string>{"shuffle", "gzip level 4"}));
      EXPECT_EQ(dataset.attributes, (std::vector<std::pair<std::string, std::string>>{{"step", "12"}}));
    }
  }
  const std::string check = std::string(TEV_PYTHON) + " -c \"import h5py; f = h5py.File('" + path +
                            "'); assert f['class'].asstr()[156] == 't\\u00f6p' and f.attrs['signal'] == 1\"";
  EXPECT_EQ(std::system(check.c_str()), 0);
}

TEST(H5Writer, NothingIsLeftWithoutClose) {
  const std::string path = test_file("unfinished.h5");
  {
    H5Writer writer(path);
    writer.append("x", at::rand({10}));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(H5Writer, EarlierFileStaysUntilClose) {
  const std::string path = test_file("replaced.h5");
  const auto write = [&](int64_t rows, bool close) {
    H5Writer writer(path);
    writer.append("x", at::rand({rows}));
    if (close) writer.close();
  };
  write(10, true);
  write(20, false);
  EXPECT_EQ(test::open_file("dense", path, {request("x")})->num_events(), 10);
  write(20, true);
  EXPECT_EQ(test::open_file("dense", path, {request("x")})->num_events(), 20);
}

TEST(H5Writer, RowsOfAnotherShapeAreRefused) {
  H5Writer writer(test_file("shapes.h5"));
  writer.append("x", at::rand({10, 3}));
  EXPECT_THROW(writer.append("x", at::rand({10, 4})), Error);
  EXPECT_THROW(writer.append("x", at::rand({10, 3}, at::kDouble)), Error);
}

TEST(H5Writer, UnwritableFolderIsNamed) {
  const std::string text = test::file_error<Error>([] { H5Writer writer(test_file("no/such/folder/x.h5")); });
  EXPECT_EQ(text.find("no/such/folder/x.h5.tmp: cannot be created: HDF5: "), 0u) << text;
  EXPECT_NE(text.find("No such file or directory"), text.npos) << text;
}

}  // namespace
}  // namespace tev
