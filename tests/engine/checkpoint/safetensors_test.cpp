#include "engine/checkpoint/safetensors.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cstring>
#include <random>

namespace tev {
namespace {

using test::error_of;
using test::put_text;
using test::text_of;

/// A file with a given header and data.
std::string file_of(const std::string& header, const std::string& data = "") {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string problem(const std::string& bytes) {
  return error_of<Error>([&] { parse_safetensors(bytes, "w.safetensors"); });
}

NamedTensors sample() {
  NamedTensors tensors;
  for (const auto dtype :
       {at::kBool, at::kByte, at::kHalf, at::kBFloat16, at::kInt, at::kFloat, at::kLong, at::kDouble})
    tensors.emplace_back(std::string("t.") + c10::toString(dtype), at::arange(7).remainder(2).to(dtype).view({7, 1}));
  tensors.emplace_back("scalar", at::arange(5, at::kFloat)[3]);
  tensors.emplace_back("none", at::empty({0, 4}));
  tensors.emplace_back("strided", at::arange(12, at::kFloat).view({3, 4}).t());
  return tensors;
}

using SafetensorsTest = test::FolderTest;

TEST_F(SafetensorsTest, EveryDtypeAndShapeComesBackInOwnAlignedMemory) {
  const NamedTensors tensors = sample();
  const FileStamp stamp = write_safetensors(folder / "w", tensors, {{"made by", "a test \"with\" quotes"}});
  EXPECT_EQ(stamp, stamp_of(text_of(folder / "w")));
  const SafetensorsContent content = read_safetensors(folder / "w");
  EXPECT_EQ(content.metadata, (TensorMetadata{{"made by", "a test \"with\" quotes"}}));
  ASSERT_EQ(content.tensors.size(), tensors.size());
  const std::map<std::string, at::Tensor> read(content.tensors.begin(), content.tensors.end());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(read.contains(name)) << name;
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(at::equal(read.at(name), tensor)) << name;
    EXPECT_TRUE(read.at(name).is_contiguous());
  }
}

TEST_F(SafetensorsTest, EveryTensorLiesAtAMultipleOfItsElementSize) {
  write_safetensors(folder / "w", sample());
  const std::string bytes = text_of(folder / "w");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  EXPECT_EQ(header % 8, 0u);
  uint64_t begin = 0;
  for (const auto& [name, tensor] : read_safetensors(folder / "w").tensors) {
    EXPECT_EQ(begin % tensor.element_size(), 0u) << name;
    begin += tensor.nbytes();
  }
}

TEST_F(SafetensorsTest, NothingAtAllIsAValidFile) {
  write_safetensors(folder / "w", {});
  EXPECT_TRUE(read_safetensors(folder / "w").tensors.empty());
}

TEST_F(SafetensorsTest, WhatTheLayoutCannotHoldIsRefusedBeforeAFileExists) {
  const auto refused = [&](const NamedTensors& tensors) {
    return error_of<Error>([&] { write_safetensors(folder / "w", tensors); });
  };
  EXPECT_NE(refused({{"a", at::zeros(1)}, {"a", at::zeros(1)}}).find("the tensor name 'a' is taken"),
            std::string::npos);
  EXPECT_NE(refused({{"__metadata__", at::zeros(1)}}).find("is taken"), std::string::npos);
  EXPECT_NE(refused({{"a", at::zeros(1, at::kShort)}}).find("tensor a is Short"), std::string::npos);
  EXPECT_NE(refused({{"a", at::Tensor()}}).find("tensor a is undefined"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "w"));
}

TEST_F(SafetensorsTest, EachKindOfDamageHasItsOwnMessage) {
  const std::string good = R"({"a":)" + entry("F32", "[2]", "[0,8]") + "}";
  EXPECT_EQ(problem(file_of(good, "12345678")), "");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1234567", "7 bytes are too few"},
      {file_of(good, "1234567"), "tensor 'a' lies at bytes 0 to 8 of 7"},
      {file_of(good, "123456789"), "the tensors fill 8 bytes of 9"},
      {file_of(good).substr(0, 30), "the header's length is given as"},
      {file_of("[]"), "not a JSON object"},
      {file_of("{\"a\":"), "not a JSON object"},
      {file_of(R"({"a":{"dtype":"F32"}})"), "not described by dtype, shape and data_offsets"},
      {file_of(R"({"a":)" + entry("F8", "[2]", "[0,8]") + "}", "12345678"), "tensor 'a' has dtype F8 (known: F64, I64"},
      {file_of(R"({"a":)" + entry("F32", "[3]", "[0,8]") + "}", "12345678"),
       "tensor 'a' of type F32 and shape [3] has 8 bytes"},
      {file_of(R"({"a":)" + entry("F32", "[-1]", "[0,8]") + "}", "12345678"),
       "shape that is not made of whole numbers"},
      {file_of(R"({"a":)" + entry("F32", "2", "[0,8]") + "}", "12345678"), "shape that is not a list"},
      {file_of(R"({"a":)" + entry("F32", "[4611686018427387904,2]", "[0,8]") + "}", "12345678"), "has 8 bytes"},
      {file_of(R"({"a":)" + entry("F32", "[0,4611686018427387904,4611686018427387904]", "[0,0]") + "}"), "has 0 bytes"},
      {file_of(R"({"a":)" + entry("F32", "[2]", "[8,0]") + "}", "12345678"), "tensor 'a' lies at bytes 8 to 0"},
      {file_of(R"({"a":)" + entry("F32", "[2]", "[0]") + "}", "12345678"), "data_offsets that are not two"},
      {file_of(R"({"a":)" + entry("F32", "[1]", "[0,4]") + R"(,"b":)" + entry("F32", "[1]", "[0,4]") + "}", "1234"),
       "tensor 'b' starts at byte 0 of the data (expected 4"},
      {file_of(R"({"a":)" + entry("F32", "[1]", "[4,8]") + "}", "12345678"), "tensor 'a' starts at byte 4"},
      {file_of(R"({"a":)" + entry("BOOL", "[2]", "[0,2]") + "}", "\1\2"), "bytes other than 0 and 1"},
      {file_of(R"({"__metadata__":{"a":1}})"), "something else than text under 'a'"},
  };
  for (const auto& [bytes, expected] : cases) {
    const std::string message = problem(bytes);
    EXPECT_TRUE(message.starts_with("w.safetensors: ")) << message;
    EXPECT_NE(message.find(expected), std::string::npos) << "expected: " << expected << "\ngot: " << message;
  }
}

TEST_F(SafetensorsTest, DeeplyNestedHeaderIsAnErrorNotAStackOverflow) {
  const std::string nested = R"({"a":{"dtype":"F32","data_offsets":[0,0],"shape":[)" + std::string(1 << 20, '[') +
                             std::string(1 << 20, ']') + "]}}";
  EXPECT_NE(problem(file_of(nested)), "");
}

TEST_F(SafetensorsTest, FlippedBytesAndTruncationsGiveAnErrorOrTensorsNeverACrash) {
  write_safetensors(folder / "w", sample());
  const std::string good = text_of(folder / "w");
  std::mt19937_64 random(1);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = good;
    if (round % 4 == 0) bytes.resize(random() % bytes.size());
    for (uint64_t flips = random() % 4 + (round % 4 != 0); flips > 0 && !bytes.empty(); --flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      for (const auto& [name, tensor] : parse_safetensors(bytes, "w").tensors) EXPECT_GE(tensor.numel(), 0);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace tev
