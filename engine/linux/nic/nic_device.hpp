#pragma once

#include <cstdint>
#include <string>

#include "core/base/mac_address.hpp"
#include "core/base/result.hpp"
#include "linux/nic/hwtstamp.hpp"
#include "linux/os/fd.hpp"

namespace netobs::nic {

/// A network device of the namespace that it was opened in, whichever the calling thread is in
/// later, and under whatever name it goes by then.
class NicDevice final : public HwtstampDevice {
 public:
  /// Of a VLAN device, opens the one that carries its frames: that is where packets are stamped.
  /// Errors: no such interface.
  [[nodiscard]] static Result<NicDevice> open(const std::string& interface);
  /// This one, whatever it is.
  [[nodiscard]] static Result<NicDevice> open(int index);
  NicDevice(NicDevice&& other) noexcept
      : HwtstampDevice(), socket_(std::move(other.socket_)), index_(other.index_) {}
  NicDevice& operator=(NicDevice&&) = delete;
  NicDevice(const NicDevice&) = delete;
  NicDevice& operator=(const NicDevice&) = delete;
  ~NicDevice() override = default;

  [[nodiscard]] int index() const { return index_; }
  /// Its name now; empty when it is gone.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] MacAddress mac() const;  ///< all zero when it is gone
  /// SIOCGHWTSTAMP, SIOCSHWTSTAMP (needs CAP_NET_ADMIN).
  [[nodiscard]] std::expected<HwtstampConfig, int> get() override;
  [[nodiscard]] std::expected<HwtstampConfig, int> set(const HwtstampConfig& config) override;
  /// SIOCETHTOOL with one of linux/ethtool.h's structures. Returns errno, 0 = done.
  [[nodiscard]] int ethtool(void* command) const;

 private:
  NicDevice(os::Fd socket, int index) : socket_(std::move(socket)), index_(index) {}
  std::expected<HwtstampConfig, int> exchange(unsigned long request, const HwtstampConfig& config);
  os::Fd socket_;
  int index_;
};

}  // namespace netobs::nic
