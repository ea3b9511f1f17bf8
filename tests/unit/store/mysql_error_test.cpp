#include "store/mysql_error.hpp"

#include <gmock/gmock.h>

#include <cerrno>

#include "store/store.hpp"

namespace netobs::store {
namespace {

TEST(MysqlError, TellsWeatherFromMistakes) {
  for (const int code : {2002, 2003, 2005, 2006, 2013, 2030, 1205, 1213, 1040, 1021, 1114, 1290}) {
    EXPECT_TRUE(is_transient(mysql_error(code, "write", "text"))) << code;
  }
  for (const int code : {1045, 1044, 1049, 1146, 1054, 2026, 1153, 1064, 0, -1}) {
    EXPECT_FALSE(is_transient(mysql_error(code, "write", "text"))) << code;
  }
}

TEST(MysqlError, OnlyABrokenConnectionIsOpenedAnew) {
  EXPECT_TRUE(connection_is_lost(mysql_error(2006, "", "")));
  EXPECT_TRUE(connection_is_lost(mysql_error(2013, "", "")));
  EXPECT_TRUE(connection_is_lost(mysql_error(2030, "", "")));
  EXPECT_FALSE(connection_is_lost(mysql_error(2003, "", "")));
  EXPECT_FALSE(connection_is_lost(mysql_error(1205, "", "")));
}

TEST(MysqlError, AWrongPasswordHasARemedy) {
  const auto error = mysql_error(1045, "connect to mysql://u@h/d", "Access denied for user 'u'");
  EXPECT_EQ(error.sys_errno, EACCES);
  EXPECT_THAT(error.message(), testing::HasSubstr("NETOBS_MYSQL_PASSWORD"));
  EXPECT_THAT(error.message(), testing::HasSubstr("Access denied for user 'u'"));
}

}  // namespace
}  // namespace netobs::store
