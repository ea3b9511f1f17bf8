#include "store/url.hpp"

#include <gmock/gmock.h>

#include "store/open.hpp"

namespace netobs::store {
namespace {

using testing::HasSubstr;

TEST(Url, FilesOfBothKinds) {
  struct Row {
    std::string_view text;
    StoreKind kind;
    std::string_view path;
  };
  for (const auto& row : {Row{"netobs.db", StoreKind::sqlite, "netobs.db"},
                          Row{"/var/lib/a:b.db", StoreKind::sqlite, "/var/lib/a:b.db"},
                          Row{"sqlite:x y.db", StoreKind::sqlite, "x y.db"},
                          Row{"jsonl:/tmp/rows", StoreKind::jsonl, "/tmp/rows"}}) {
    const auto url = parse_url(row.text, {});
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->kind, row.kind) << row.text;
    EXPECT_EQ(url->path, row.path) << row.text;
  }
}

TEST(Url, MysqlInFull) {
  const auto url = parse_url(
      "mysql://net%40obs:p%3aw@[2001:db8::1]:3307/network_performance?option_file=/etc/my%20.cnf"
      "&tls=verify&ca=/ca.pem",
      {.mysql_password = "ignored"});
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(url->kind, StoreKind::mysql);
  EXPECT_EQ(url->user, "net@obs");
  EXPECT_EQ(url->password, "p:w");
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->port, 3307);
  EXPECT_EQ(url->database, "network_performance");
  EXPECT_EQ(url->option_file, "/etc/my .cnf");
  EXPECT_EQ(url->tls, Tls::verify);
  EXPECT_EQ(url->ca, "/ca.pem");
  EXPECT_EQ(url->describe(), "mysql://net@obs@[2001:db8::1]:3307/network_performance");
}

TEST(Url, PasswordFromTheEnvironment) {
  const auto url = parse_url("mysql://u@h/d", {.mysql_password = "secret"});
  ASSERT_TRUE(url);
  EXPECT_EQ(url->password, "secret");
  EXPECT_EQ(url->port, 0);
  EXPECT_EQ(url->tls, Tls::prefer);
  EXPECT_EQ(url->describe(), "mysql://u@h/d");
}

TEST(Url, APasswordWithAnAtSignAndASlash) {
  const auto url = parse_url("mysql://u:a@b/c?d@h/db", {});
  ASSERT_TRUE(url);
  EXPECT_EQ(url->password, "a@b/c?d");
  EXPECT_EQ(url->host, "h");
}

TEST(Url, RefusesWithACauseAndNeverShowsThePassword) {
  struct Row {
    std::string text;
    std::string_view cause;
  };
  const Row rows[] = {
      {"", "empty"},
      {"sqlite:", "names no file"},
      {"postgres://h/d", "no such kind"},
      {"mysql:h/d", "no such kind"},
      {"a\nb", "control character"},
      {std::string(5000, 'x'), "too long"},
      {"mysql://u:hunter2", "not readable"},
      {"mysql://u:hunter2" + std::string(5000, 'x') + "@h/d", "too long"},
      {"mysql://u:hunter2@h", "names no database"},
      {"mysql://u:hunter2@h/", "names no database"},
      {"mysql://u:hunter2@h/a`b", "names no database"},
      {"mysql://u:hunter2@h/" + std::string(65, 'd'), "names no database"},
      {"mysql://u:hunter2@h:0/d", "not readable"},
      {"mysql://u:hunter2@h:65536/d", "not readable"},
      {"mysql://u:hunter2@h:33x/d", "not readable"},
      {"mysql://u:hunter2@[::1/d", "not readable"},
      {"mysql://u:hunter2@h%2fx/d", "not readable"},
      {"mysql://u:hunter2%zz@h/d", "broken % escape"},
      {"mysql://u:hunter2%0a@h/d", "broken % escape"},
      {"mysql://u:hunter2@h/d?tls=maybe", "tls is one of"},
      {"mysql://u:hunter2@h/d?speed=high", "There is no option speed"},
      {"mysql://u:hunter2@h/d?ca", "no usable value"},
  };
  for (const auto& row : rows) {
    const auto url = parse_url(row.text, {});
    ASSERT_FALSE(url) << row.text;
    EXPECT_THAT(url.error().message(), HasSubstr(row.cause)) << row.text;
    EXPECT_THAT(url.error().message(), Not(HasSubstr("hunter2")));
    EXPECT_EQ(url.error().exit, ExitCode::usage);
  }
}

TEST(Url, OptionFileFillsWhatIsOpen) {
  auto url = parse_url("mysql://me@/d", {}).value();
  apply_option_text(url,
                    "[mysqld]\nuser=wrong\npassword=wrong\n[client]\n# password=no\n"
                    "user = you\npassword = \"s3 = cret\"\nhost=db.example\r\nport=3310\n"
                    "socket=/run/s\nssl-ca=/ca\n[mysqldump]\npassword=wrong\n");
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.password, "s3 = cret");
  EXPECT_EQ(url.host, "db.example");
  EXPECT_EQ(url.port, 3310);
  EXPECT_EQ(url.socket, "/run/s");
  EXPECT_EQ(url.ca, "/ca");
}

TEST(Url, AMissingOptionFileIsAnError) {
  auto url = parse_url("mysql://h/d?option_file=/nonexistent/my.cnf", {}).value();
  const auto outcome = apply_option_file(url);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message(), HasSubstr("/nonexistent/my.cnf"));
}

TEST(StoreTable, HasEveryKindOnce) {
  ASSERT_EQ(store_table().size(), 3U);
  EXPECT_EQ(store_table()[0].kind, StoreKind::sqlite);
  EXPECT_EQ(store_table()[1].kind, StoreKind::jsonl);
  EXPECT_EQ(store_table()[2].kind, StoreKind::mysql);
}

}  // namespace
}  // namespace netobs::store
