#include "store/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <utility>

namespace netobs::store {
namespace {

constexpr std::string_view mysql_prefix = "mysql://";
constexpr std::array<std::pair<std::string_view, Tls>, 4> tls_names{{{"off", Tls::off},
                                                                     {"prefer", Tls::prefer},
                                                                     {"require", Tls::require},
                                                                     {"verify", Tls::verify}}};
constexpr std::string_view url_remedy =
    "Write netobs.db, sqlite:PATH, jsonl:PATH or mysql://user@host:port/database.";

std::unexpected<Error> refuse(std::string_view text, std::string cause) {
  return fail({fmt::format("read the store address {}", redact(text).substr(0, 200)), EINVAL,
               std::move(cause), std::string(url_remedy), ExitCode::usage});
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// RFC 3986 2.1. Nothing for a broken escape or a control character.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      value = high * 16 + low;
      i += 2;
    }
    if (value < 0x20 || value == 0x7f) return std::nullopt;
    out.push_back(static_cast<char>(value));
  }
  return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(value);
}

/// "user:password" before the @.
bool take_user_info(std::string_view text, StoreUrl& url) {
  const auto colon = text.find(':');
  const auto user = percent_decode(text.substr(0, colon));
  if (!user) return false;
  url.user = *user;
  if (colon == std::string_view::npos) return true;
  const auto password = percent_decode(text.substr(colon + 1));
  if (password) url.password = *password;
  return password.has_value();
}

/// "host", "host:port", "[v6]:port".
bool take_host(std::string_view text, StoreUrl& url) {
  auto host = text;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  const auto decoded = percent_decode(host);
  // A host name never holds these; the client library would give some of them a meaning.
  if (!decoded || decoded->find_first_of("/\\ ;,'\"@?#") != std::string::npos) return false;
  url.host = *decoded;
  if (rest.empty()) return true;
  if (!rest.starts_with(':')) return false;
  const auto port = parse_port(rest.substr(1));
  if (port) url.port = *port;
  return port.has_value();
}

Result<void> take_option(std::string_view whole, std::string_view option, StoreUrl& url) {
  const auto equals = option.find('=');
  const auto key = option.substr(0, equals);
  const auto value =
      equals == std::string_view::npos ? std::nullopt : percent_decode(option.substr(equals + 1));
  if (!value || value->empty()) {
    return refuse(whole, fmt::format("The option {} has no usable value.", key));
  }
  if (key == "option_file") return url.option_file = *value, Result<void>{};
  if (key == "ca") return url.ca = *value, Result<void>{};
  if (key == "socket") return url.socket = *value, Result<void>{};
  if (key == "tls") {
    for (const auto& [name, tls] : tls_names) {
      if (name == *value) return url.tls = tls, Result<void>{};
    }
    return refuse(whole, "tls is one of off, prefer, require, verify.");
  }
  return refuse(whole,
                fmt::format("There is no option {}; there are option_file, tls, ca, socket.", key));
}

Result<void> take_options(std::string_view whole, std::string_view query, StoreUrl& url) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto option = query.substr(0, end);
    if (!option.empty()) NETOBS_TRY_VOID(take_option(whole, option, url));
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return {};
}

bool good_database_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '_' && c != '-' && c != '$') return false;
  }
  return true;
}

Result<StoreUrl> parse_mysql(std::string_view text, const StoreEnvironment& environment) {
  StoreUrl url;
  url.kind = StoreKind::mysql;
  auto rest = text.substr(mysql_prefix.size());
  // The password may hold anything, so the last @ ends it; it is looked for before the options.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    if (!take_user_info(rest.substr(0, at), url)) {
      return refuse(text, "The user name or password holds a broken % escape.");
    }
    rest = rest.substr(at + 1);
  }
  const auto question = rest.find('?');
  const auto query = question == std::string_view::npos ? "" : rest.substr(question + 1);
  const auto location = rest.substr(0, question);
  const auto slash = location.find('/');
  const auto database = slash == std::string_view::npos ? "" : location.substr(slash + 1);
  if (!take_host(location.substr(0, slash), url)) {
    return refuse(text, "The host or the port (1 to 65535) is not readable.");
  }
  if (!good_database_name(database)) {
    return refuse(text, "It names no database: letters, digits, _ and - after the host and a /.");
  }
  url.database = database;
  NETOBS_TRY_VOID(take_options(text, query, url));
  if (url.password.empty()) url.password = environment.mysql_password.value_or("");
  return url;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

/// What an option file may set; empty = the file does not say.
struct OptionValues {
  std::string user, password, host, port, socket, ca;
  std::string* named(std::string_view key) {
    if (key == "user") return &user;
    if (key == "password") return &password;
    if (key == "host") return &host;
    if (key == "port") return &port;
    if (key == "socket") return &socket;
    if (key == "ssl-ca" || key == "ssl_ca") return &ca;
    return nullptr;
  }
};

OptionValues read_options(std::string_view text) {
  OptionValues values;
  bool ours = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.starts_with('[')) {
      ours = line == "[client]" || line == "[netobs]";
    } else if (const auto equals = line.find('=');
               ours && equals != std::string_view::npos && line.front() != '#') {
      if (auto* value = values.named(trim(line.substr(0, equals)))) {
        *value = unquote(trim(line.substr(equals + 1)));
      }
    }
  }
  return values;
}

}  // namespace

std::string redact(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const auto colon = text.find(':', scheme + 3);
  const auto at = text.rfind('@');
  if (colon == std::string_view::npos) return std::string(text);
  if (at != std::string_view::npos && at > colon) {
    return fmt::format("{}:***{}", text.substr(0, colon), text.substr(at));
  }
  // Without an @ a port follows; anything else may be a password that lost its host.
  const auto end = std::min(text.find_first_not_of("0123456789", colon + 1), text.size());
  const bool port = end == text.size() || text[end] == '/' || text[end] == '?';
  return port || at != std::string_view::npos ? std::string(text)
                                              : fmt::format("{}:***", text.substr(0, colon));
}

std::string StoreUrl::describe() const {
  if (kind == StoreKind::sqlite) return path;
  if (kind == StoreKind::jsonl) return "jsonl:" + path;
  const bool v6 = host.find(':') != std::string::npos;
  std::string text = fmt::format("mysql://{}{}{}{}{}", user, user.empty() ? "" : "@", v6 ? "[" : "",
                                 host.empty() ? "localhost" : host, v6 ? "]" : "");
  if (port != 0) text += fmt::format(":{}", port);
  text += '/' + database;
  if (!socket.empty()) text += "?socket=" + socket;
  return text;
}

Result<StoreUrl> parse_url(std::string_view text, const StoreEnvironment& environment) {
  if (text.empty()) return refuse(text, "It is empty.");
  if (text.size() > max_url_bytes) return refuse(text, "It is too long.");
  if (text.starts_with(mysql_prefix)) return parse_mysql(text, environment);
  StoreUrl url;
  auto path = text;
  if (text.starts_with("jsonl:")) {
    url.kind = StoreKind::jsonl;
    path = text.substr(6);
  } else if (text.starts_with("sqlite:")) {
    path = text.substr(7);
  } else if (text.find("://") != std::string_view::npos || text.starts_with("mysql:")) {
    return refuse(text, "There is no such kind of store.");
  }
  if (path.empty()) return refuse(text, "It names no file.");
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return refuse("(unprintable)", "The path holds a control character.");
    }
  }
  url.path = path;
  return url;
}

void apply_option_text(StoreUrl& url, std::string_view text) {
  auto values = read_options(text);
  const auto fill = [](std::string& target, std::string& value) {
    if (target.empty()) target = std::move(value);
  };
  fill(url.user, values.user);
  fill(url.password, values.password);
  // A host in the address means that server, whatever socket the file knows of.
  if (url.host.empty() && url.socket.empty()) url.socket = values.socket;
  fill(url.host, values.host);
  fill(url.ca, values.ca);
  if (url.port == 0) url.port = parse_port(values.port).value_or(0);
}

Result<void> apply_option_file(StoreUrl& url) {
  if (url.option_file.empty()) return {};
  constexpr std::size_t max_bytes = std::size_t{64} * 1024;
  std::ifstream file(url.option_file, std::ios::binary);
  std::string text(max_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return fail({fmt::format("read the option file {}", url.option_file), ENOENT,
                 "It does not exist or may not be read.",
                 "Write a [client] group with user= and password= into it, mode 600."});
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  apply_option_text(url, text);
  return {};
}

}  // namespace netobs::store
