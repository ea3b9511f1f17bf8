// Echoes of any kind: UDP payloads that come back, and pings.

#include <cstring>

#include "core/base/bytes.hpp"
#include "core/capture/probe_rules.hpp"

namespace netobs::capture {
namespace {

class UdpEchoRules final : public ProbeRules {
 public:
  explicit UdpEchoRules(std::optional<NumberField> number) : number_(number) {}

  [[nodiscard]] std::optional<RequestWords> request(const Datagram& datagram,
                                                    std::int64_t /*capture_ns*/) const override {
    const auto key = key_of(datagram);
    if (!key) return std::nullopt;
    RequestWords words;
    words.key = *key;
    return words;
  }
  [[nodiscard]] std::optional<ReplyWords> reply(const Datagram& datagram,
                                                wire::Mode /*mode*/) const override {
    const auto key = key_of(datagram);
    if (!key) return std::nullopt;
    return ReplyWords{.key = *key};
  }
  [[nodiscard]] bool key_suffices(const ReplyWords& /*reply*/) const override { return true; }
  [[nodiscard]] unsigned key_bits() const override {
    return number_ ? static_cast<unsigned>(number_->octets * 8) : 0;
  }
  [[nodiscard]] bool keys_repeat() const override { return !number_; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> key_of(const Datagram& datagram) const {
    if (datagram.transport != Transport::udp || datagram.payload.empty()) return std::nullopt;
    if (!number_) return payload_hash(datagram);
    const auto& payload = datagram.payload;
    if (payload.size() < number_->octets || payload.size() - number_->octets < number_->offset) {
      return std::nullopt;
    }
    switch (number_->octets) {
      case sizeof(std::uint16_t):
        return load_be<std::uint16_t>(payload, number_->offset);
      case sizeof(std::uint32_t):
        return load_be<std::uint32_t>(payload, number_->offset);
      default:
        return load_be<std::uint64_t>(payload, number_->offset);
    }
  }

  std::optional<NumberField> number_;
};

class IcmpRules final : public ProbeRules {
 public:
  [[nodiscard]] std::optional<RequestWords> request(const Datagram& datagram,
                                                    std::int64_t /*capture_ns*/) const override {
    if (datagram.transport != Transport::icmp_echo_request) return std::nullopt;
    RequestWords words;
    words.key = datagram.icmp_sequence;
    words.certain = true;
    return words;
  }
  [[nodiscard]] std::optional<ReplyWords> reply(const Datagram& datagram,
                                                wire::Mode /*mode*/) const override {
    if (datagram.transport != Transport::icmp_echo_reply) return std::nullopt;
    return ReplyWords{.key = datagram.icmp_sequence};
  }
  [[nodiscard]] bool key_suffices(const ReplyWords& /*reply*/) const override { return true; }
  [[nodiscard]] unsigned key_bits() const override { return 16; }
  [[nodiscard]] bool keys_repeat() const override { return false; }
};

}  // namespace

std::uint64_t payload_hash(const Datagram& datagram) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;
  std::uint64_t hash = datagram.payload_size;
  auto rest = datagram.payload;
  while (!rest.empty()) {
    std::uint64_t word = 0;
    const auto size = rest.size() < sizeof word ? rest.size() : sizeof word;
    std::memcpy(&word, rest.data(), size);
    hash = (hash ^ word) * odd;
    hash ^= hash >> 29U;
    rest = rest.subspan(size);
  }
  return hash;
}

std::unique_ptr<ProbeRules> udp_echo_rules(std::optional<NumberField> number) {
  return std::make_unique<UdpEchoRules>(number);
}

std::unique_ptr<ProbeRules> icmp_rules() {
  return std::make_unique<IcmpRules>();
}

}  // namespace netobs::capture
