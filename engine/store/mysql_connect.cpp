#ifdef NETOBS_HAVE_MYSQL
#include "store/mysql_connect.hpp"

#include <fmt/format.h>

namespace netobs::store {
namespace {

constexpr int client_tls_error = 2026;  // CR_SSL_CONNECTION_ERROR

/// Tells the client library of a thread's begin and end, once per thread.
class ThreadScope {
 public:
  explicit ThreadScope(sql::Driver& driver) : driver_(driver) { driver_.threadInit(); }
  ~ThreadScope() { driver_.threadEnd(); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  sql::Driver& driver_;
};

/// The library's own singleton. Its first use is not safe among threads; a static's is.
sql::Driver& driver() {
  static sql::Driver* const instance = get_driver_instance();
  thread_local const ThreadScope scope(*instance);
  return *instance;
}

std::string host_address(const StoreUrl& url) {
  // By old custom "localhost" means the Unix socket; a port says that TCP is meant.
  const std::string host =
      url.host.empty() || (url.host == "localhost" && url.port != 0) ? "127.0.0.1" : url.host;
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("tcp://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "",
                     url.port == 0 ? 3306 : url.port);
}

void set_tls(sql::ConnectOptionsMap& map, const StoreUrl& url, Tls tls) {
  if (!url.ca.empty() && tls == Tls::verify) map["sslCA"] = sql::SQLString(url.ca);
#ifdef MYCPPCONN_MARIADB_BUILD
  // MariaDB's client library knows no modes, and this build ignores OPT_SSL_MODE without a word.
  if (tls == Tls::off) return;
  map["sslEnforce"] = true;
  if (tls == Tls::verify) map["sslVerify"] = true;
#else
  const auto mode = tls == Tls::off       ? sql::SSL_MODE_DISABLED
                    : tls == Tls::prefer  ? sql::SSL_MODE_PREFERRED
                    : tls == Tls::require ? sql::SSL_MODE_REQUIRED
                                          : sql::SSL_MODE_VERIFY_IDENTITY;
  map["OPT_SSL_MODE"] = static_cast<int>(mode);
#endif
}

sql::ConnectOptionsMap connect_options(const StoreUrl& url, const OpenOptions& options, Tls tls) {
  sql::ConnectOptionsMap map;
  if (url.socket.empty() && (url.port != 0 || !url.host.empty()) &&
      !(url.host == "localhost" && url.port == 0)) {
    map["hostName"] = sql::SQLString(host_address(url));
  } else {
    map["hostName"] = sql::SQLString("localhost");
    if (!url.socket.empty()) map["socket"] = sql::SQLString(url.socket);
  }
  map["userName"] = sql::SQLString(url.user);
  map["password"] = sql::SQLString(url.password);
  map["OPT_CONNECT_TIMEOUT"] = static_cast<int>(options.connect_timeout.count());
  map["OPT_READ_TIMEOUT"] = static_cast<int>(options.io_timeout.count());
  map["OPT_WRITE_TIMEOUT"] = static_cast<int>(options.io_timeout.count());
  map["OPT_CHARSET_NAME"] = sql::SQLString("utf8mb4");
  set_tls(map, url, tls);
  return map;
}

/// MariaDB's client library takes "enforce" for a wish and goes on without TLS when the server has
/// none, so the finished connection is asked.
bool is_encrypted(sql::Statement& statement) {
  const std::unique_ptr<sql::ResultSet> row(
      statement.executeQuery("SHOW SESSION STATUS LIKE 'Ssl_cipher'"));
  return row->next() && row->getString(2).length() > 0;
}

Result<std::unique_ptr<sql::Connection>> connect_once(const StoreUrl& url,
                                                      const OpenOptions& options, Tls tls) {
  const auto what = fmt::format("connect to {}", url.describe());
  return mysql_guard(what, [&]() -> Result<std::unique_ptr<sql::Connection>> {
    auto map = connect_options(url, options, tls);
    std::unique_ptr<sql::Connection> connection(driver().connect(map));
    const std::unique_ptr<sql::Statement> statement(connection->createStatement());
    // Strict: a value that does not fit is an error and not silently another value.
    statement->execute("SET SESSION sql_mode='STRICT_ALL_TABLES'");
    if ((tls == Tls::require || tls == Tls::verify) && !is_encrypted(*statement)) {
      return fail(mysql_error(client_tls_error, what, "the server offers no TLS"));
    }
    return connection;
  });
}

}  // namespace

Result<std::unique_ptr<sql::Connection>> mysql_connect(const StoreUrl& url,
                                                       const OpenOptions& options) {
#ifdef MYCPPCONN_MARIADB_BUILD
  if (url.tls == Tls::prefer) {
    // A Unix socket needs no TLS; else try with it, and without it where the server has none.
    const bool local = !url.socket.empty() || (url.host == "localhost" && url.port == 0);
    auto encrypted = connect_once(url, options, local ? Tls::off : Tls::require);
    if (encrypted || local || encrypted.error().sys_errno != EPROTO) return encrypted;
    return connect_once(url, options, Tls::off);
  }
#endif
  return connect_once(url, options, url.tls);
}

}  // namespace netobs::store
#endif  // NETOBS_HAVE_MYSQL
