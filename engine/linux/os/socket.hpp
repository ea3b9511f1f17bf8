#pragma once
// Addresses and options of sockets, with errors that name what was asked for.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"

namespace netobs::os {

/// A socket address with its length, as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size_bytes = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// For a socket of `family`: AF_INET takes IPv4 endpoints only (checked); AF_INET6 takes both, IPv4
/// as mapped addresses.
[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint, int family);
/// An all-zero endpoint when the bytes hold neither AF_INET nor AF_INET6 in full.
[[nodiscard]] Endpoint to_endpoint(std::span<const std::byte> bytes);
[[nodiscard]] Endpoint to_endpoint(const SocketAddress& address);

/// The address a socket is bound to.
[[nodiscard]] Result<Endpoint> bound_endpoint(int fd);

/// setsockopt(2) of an int. `name` is what an error calls the option.
[[nodiscard]] Result<void> set_option(int fd, int level, int option, int value, const char* name);

enum class AddressFamily : std::uint8_t { any, v4, v6 };

/// Looks a host name or numeric address up (getaddrinfo(3)); blocks on the resolver. The order is
/// the resolver's preference; never empty on success. "fe80::1%eth0" carries the scope.
[[nodiscard]] Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                                    AddressFamily family = AddressFamily::any);

}  // namespace netobs::os
