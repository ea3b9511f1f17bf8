#include "linux/os/socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/base/check.hpp"

namespace netobs::os {
namespace {

constexpr std::size_t v4_offset = 12;  // of the four IPv4 octets in a mapped address

std::unexpected<Error> resolve_failure(const std::string& host, int code, int saved_errno) {
  Error error{.what = fmt::format("resolve \"{}\"", host),
              .sys_errno = code == EAI_SYSTEM ? saved_errno : 0,
              .cause = fmt::format("The resolver says: {}.", gai_strerror(code)),
              .remedy = "Check the spelling, or give a numeric address.",
              .exit = ExitCode::failed};
  if (code == EAI_AGAIN)
    error.remedy = "Check that a name server is reachable, or give a numeric address.";
  if (code == EAI_ADDRFAMILY || code == EAI_NODATA) {
    error.cause = "The name exists, but not with an address of the wanted family.";
    error.remedy = "Ask for the other IP version.";
  }
  return fail(std::move(error));
}

int native_family(AddressFamily family) {
  switch (family) {
    case AddressFamily::v4:
      return AF_INET;
    case AddressFamily::v6:
      return AF_INET6;
    case AddressFamily::any:
      break;
  }
  return AF_UNSPEC;
}

}  // namespace

SocketAddress to_socket_address(const Endpoint& endpoint, int family) {
  SocketAddress result;
  if (family == AF_INET) {
    NETOBS_CHECK(endpoint.is_v4() || endpoint.is_unspecified(), "{}", endpoint.text());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    if (endpoint.is_v4()) {
      std::memcpy(&address.sin_addr, endpoint.address.data() + v4_offset, sizeof address.sin_addr);
    }
    std::memcpy(&result.storage, &address, sizeof address);
    result.size_bytes = sizeof address;
    return result;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  address.sin6_scope_id = endpoint.scope_id;
  std::memcpy(&address.sin6_addr, endpoint.address.data(), sizeof address.sin6_addr);
  std::memcpy(&result.storage, &address, sizeof address);
  result.size_bytes = sizeof address;
  return result;
}

Endpoint to_endpoint(std::span<const std::byte> bytes) {
  sa_family_t family = AF_UNSPEC;
  if (bytes.size() >= sizeof family) std::memcpy(&family, bytes.data(), sizeof family);
  if (family == AF_INET && bytes.size() >= sizeof(sockaddr_in)) {
    sockaddr_in address{};
    std::memcpy(&address, bytes.data(), sizeof address);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &address.sin_addr, octets.size());
    return Endpoint::v4(octets, ntohs(address.sin_port));
  }
  Endpoint endpoint;
  if (family == AF_INET6 && bytes.size() >= sizeof(sockaddr_in6)) {
    sockaddr_in6 address{};
    std::memcpy(&address, bytes.data(), sizeof address);
    std::memcpy(endpoint.address.data(), &address.sin6_addr, endpoint.address.size());
    endpoint.port = ntohs(address.sin6_port);
    endpoint.scope_id = address.sin6_scope_id;
  }
  return endpoint;
}

Endpoint to_endpoint(const SocketAddress& address) {
  const auto size = std::min<std::size_t>(address.size_bytes, sizeof address.storage);
  return to_endpoint(std::as_bytes(std::span(&address.storage, 1)).first(size));
}

Result<Endpoint> bound_endpoint(int fd) {
  SocketAddress address;
  address.size_bytes = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size_bytes) != 0) {
    return fail(
        {.what = "read a socket's own address", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return to_endpoint(address);
}

Result<void> set_option(int fd, int level, int option, int value, const char* name) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    return fail({.what = fmt::format("set {} to {}", name, value),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return {};
}

Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                      AddressFamily family) {
  addrinfo hints{};
  hints.ai_family = native_family(family);
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) return resolve_failure(host, code, errno);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Endpoint endpoint = to_endpoint(std::span(reinterpret_cast<const std::byte*>(entry->ai_addr),
                                              static_cast<std::size_t>(entry->ai_addrlen)));
    endpoint.port = port;
    endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return resolve_failure(host, EAI_NONAME, 0);
  return endpoints;
}

}  // namespace netobs::os
