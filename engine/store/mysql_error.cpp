#include "store/mysql_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace netobs::store {
namespace {

struct Explanation {
  std::array<int, 8> codes;  // 0 = unused
  int sys_errno;
  std::string_view cause;
  std::string_view remedy;
};

// Numbers: errmsg-utf8.txt and include/errmsg.h of the servers' sources.
constexpr std::array explanations{
    Explanation{{1045, 1698, 1251, 2059},
                EACCES,
                "The server refuses this user or password.",
                "Set NETOBS_MYSQL_PASSWORD, or name an option file: ?option_file=/path/my.cnf."},
    Explanation{{1044, 1142, 1143, 1227, 1370},
                EACCES,
                "The account lacks a right on the database.",
                "Let an administrator grant it: GRANT ALL ON database.* TO user."},
    Explanation{{1049},
                ENOENT,
                "The server has no such database.",
                "Make it with: netobs db init, or CREATE DATABASE on the server."},
    Explanation{{2002, 2003, 2004},
                ECONNREFUSED,
                "Nothing answers there.",
                "Start the server, or check host, port and firewall."},
    Explanation{{2005},
                EHOSTUNREACH,
                "The host name cannot be resolved.",
                "Check its spelling and the name service."},
    Explanation{{2006, 2013, 2055, 1053, 1927, 2030, 1243, 1184},
                ECONNRESET,
                "The connection to the server broke.",
                "Check that the server runs; rows are kept and sent again."},
    Explanation{{2014, 2027, 1152, 1158, 1159, 1160, 1161},
                ECONNRESET,
                "The connection to the server broke.",
                "Check that the server runs; rows are kept and sent again."},
    Explanation{{2026},
                EPROTO,
                "No TLS connection could be made.",
                "Check the server's certificate and ?ca=, or choose another ?tls=."},
    Explanation{{1205, 1213, 1206},
                EBUSY,
                "Other transactions hold locks on the table.",
                "Wait until they are done."},
    Explanation{{1040, 1203, 1226},
                EAGAIN,
                "The server allows no further connection.",
                "Close others, or raise max_connections."},
    Explanation{{1021, 1114, 3675, 1041},
                ENOSPC,
                "The server has no room left.",
                "Free space on the server's disk."},
    Explanation{{1290, 1836, 3100},
                EBUSY,
                "The server accepts no writes now (read only).",
                "Use the primary server, or wait for the end of the fail-over."},
    Explanation{{1153, 2020},
                EMSGSIZE,
                "A row is larger than the server's max_allowed_packet.",
                "Raise max_allowed_packet on the server."},
    Explanation{{1146, 1054, 1136},
                EPROTO,
                "The database does not have the tables netobs makes.",
                "Give netobs a database of its own; netobs db init makes the tables."},
};

}  // namespace

Error mysql_error(int code, std::string what, std::string_view text) {
  for (const auto& row : explanations) {
    if (code == 0 || std::ranges::find(row.codes, code) == row.codes.end()) continue;
    return {std::move(what), row.sys_errno, fmt::format("{} ({}: {})", row.cause, code, text),
            std::string(row.remedy)};
  }
  return {std::move(what), EPROTO, fmt::format("The database says: {} ({}).", text, code), {}};
}

bool connection_is_lost(const Error& error) {
  return error.sys_errno == ECONNRESET;
}

}  // namespace netobs::store
