#pragma once

#include <optional>

#include "app/replay/capture_files.hpp"

namespace netobs::app {

/// The captures of one or two points as one stream. What the far point saw comes a little after
/// what the near one saw of the same time, so that a probe is known before it is seen again.
class CaptureMerge {
 public:
  struct Packet {
    CapturedPacket captured;
    capture::Vantage vantage = capture::Vantage::near;
  };

  explicit CaptureMerge(CaptureFiles near) : near_(std::move(near)) {}
  /// offset_ns: the far clock minus the near one, and the way between; roughly.
  void add_far(CaptureFiles far, std::int64_t offset_ns) {
    far_.emplace(std::move(far));
    offset_ns_ = offset_ns;
  }

  /// Borrowed until the next call.
  [[nodiscard]] Result<std::optional<Packet>> next();
  /// The offset of the latest probe that both have seen: clocks drift.
  void follow(std::int64_t offset_ns);

  [[nodiscard]] std::vector<capture::CaptureFile> describe() const;
  /// 0 to 1; nullopt: not known.
  [[nodiscard]] std::optional<double> progress() const;

 private:
  struct Head {
    std::optional<CapturedPacket> packet;
    bool fetched = false;
  };
  [[nodiscard]] static Result<void> fetch(CaptureFiles& files, Head& head);

  CaptureFiles near_;
  std::optional<CaptureFiles> far_;
  Head near_head_;
  Head far_head_;
  std::int64_t offset_ns_ = 0;
};

}  // namespace netobs::app
