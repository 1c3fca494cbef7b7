#include "data/order/cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

namespace tev {
namespace {

using test::error_of;

const Cursor kCursor{1, std::numeric_limits<uint64_t>::max(), 3, 1234567890123, 64, 4096, 500, 0xfedcba9876543210ULL};

TEST(Cursor, SurvivesItsFieldsInAnyOrder) {
  CursorFields fields = to_fields(kCursor);
  EXPECT_EQ(fields.size(), 8u);
  std::reverse(fields.begin(), fields.end());
  EXPECT_EQ(from_fields(fields), kCursor);
}

TEST(Cursor, RefusesDamagedFields) {
  CursorFields fields = to_fields(kCursor);
  CursorFields missing(fields.begin(), fields.end() - 1);
  EXPECT_NE(error_of<InputError>([&] { from_fields(missing); }).find("'fingerprint' is missing"), std::string::npos);
  CursorFields unknown = fields;
  unknown[3].first = "stepp";
  EXPECT_NE(error_of<InputError>([&] { from_fields(unknown); }).find("unknown field 'stepp'"), std::string::npos);
  CursorFields twice = fields;
  twice.push_back(twice[0]);
  EXPECT_NE(error_of<InputError>([&] { from_fields(twice); }).find("given twice"), std::string::npos);
  CursorFields negative = fields;
  negative[3].second = static_cast<uint64_t>(int64_t{-5});
  EXPECT_NE(error_of<InputError>([&] { from_fields(negative); }).find("'step' is -5"), std::string::npos);
  CursorFields zero = fields;
  zero[6].second = 0;
  EXPECT_NE(error_of<InputError>([&] { from_fields(zero); }).find("'batch_size' is 0"), std::string::npos);
}

TEST(Cursor, ContinuesAnywhereInTheSameOrder) {
  Cursor current = kCursor;
  current.epoch = 0;
  current.step = 0;
  EXPECT_NO_THROW(check_compatible(kCursor, current));
}

TEST(Cursor, NamesTheFieldThatDiffersAndBothValues) {
  const auto differing = [](auto change) {
    Cursor current = kCursor;
    change(current);
    return error_of<InputError>([&] { check_compatible(kCursor, current); });
  };
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(differing([](Cursor& c) { c.batch_size = 250; }), "batch_size is 250, but 500 in the checkpoint");
  expect(differing([](Cursor& c) { c.seed = 7; }), "seed is 7, but 18446744073709551615");
  expect(differing([](Cursor& c) { c.lanes = 32; }), "lanes is 32, but 64");
  expect(differing([](Cursor& c) { c.window_rows = 1; }), "window_rows is 1, but 4096");
  expect(differing([](Cursor& c) { c.fingerprint = 1; }), "fingerprint is 1, but");
  expect(differing([](Cursor& c) { c.version = 2; }), "version is 2, but 1");
}

}  // namespace
}  // namespace tev
