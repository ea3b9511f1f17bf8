#pragma once
// Where to store, as a person writes it: netobs.db, sqlite:PATH, jsonl:PATH,
// mysql://user@host:port/database?option_file=...&tls=off|prefer|require|verify&ca=...&socket=...
// In the user name, the password and the options %XX stands for a byte; an @ in an option is %40.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace netobs::store {

enum class StoreKind : std::uint8_t { sqlite, jsonl, mysql };

/// How much TLS to insist on. prefer: encrypted where the server can, unauthenticated.
/// require: encrypted or not at all. verify: also check the certificate, against `ca` if given.
enum class Tls : std::uint8_t { off, prefer, require, verify };

/// What the caller read from its environment; the store box reads none itself.
struct StoreEnvironment {
  std::optional<std::string> mysql_password;  ///< NETOBS_MYSQL_PASSWORD
};

/// A parsed address. `password` is never printed: describe() leaves it out.
struct StoreUrl {
  StoreKind kind = StoreKind::sqlite;
  std::string path;  ///< SQLite and JSON lines
  std::string user;  ///< MySQL from here on
  std::string password;
  std::string host;
  std::uint16_t port = 0;  ///< 0 = the default, 3306
  std::string database;
  std::string socket;  ///< a Unix socket instead of host and port
  std::string option_file;
  std::string ca;
  Tls tls = Tls::prefer;

  /// The address without the password; two addresses of one store read the same.
  [[nodiscard]] std::string describe() const;
};

/// Longest address accepted, bytes.
inline constexpr std::size_t max_url_bytes = 4096;

/// Errors quote the text with any password replaced. The order in which a password is taken:
/// the address, the environment, the option file.
[[nodiscard]] Result<StoreUrl> parse_url(std::string_view text,
                                         const StoreEnvironment& environment);

/// The text with ***, where a password stands or may stand.
[[nodiscard]] std::string redact(std::string_view text);

/// Fills what the address left open from the [client] and [netobs] groups of an option file in
/// my.cnf syntax: user, password, host, port, socket, ssl-ca. Other lines are ignored.
void apply_option_text(StoreUrl& url, std::string_view text);
/// Reads url.option_file (at most 64 KiB) and applies it; does nothing when none is named.
[[nodiscard]] Result<void> apply_option_file(StoreUrl& url);

}  // namespace netobs::store
