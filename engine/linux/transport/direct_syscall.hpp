#pragma once
// The socket calls of the hot path without glibc's cancellation points: in a program with threads
// each of those costs two atomic exchanges (nptl/cancellation.c), on every turn of a spin.

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace netobs::direct {

/// As send(2), sendto(2), recv(2) and their kin; errno is set alike.
inline ssize_t sendto(int fd, const void* data, std::size_t size, int flags, const sockaddr* peer,
                      socklen_t peer_size) {
  return ::syscall(SYS_sendto, fd, data, size, flags, peer, peer_size);
}
inline ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return ::syscall(SYS_sendmsg, fd, message, flags);
}
inline ssize_t recv(int fd, void* data, std::size_t size, int flags) {
  return ::syscall(SYS_recvfrom, fd, data, size, flags, nullptr, nullptr);
}
inline ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return ::syscall(SYS_recvmsg, fd, message, flags);
}

}  // namespace netobs::direct
