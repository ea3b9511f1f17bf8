#include "linux/transport/faulty_transport.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "linux/transport/event_store.hpp"

namespace netobs {
namespace {

/// A datagram with a copy of its payload, for handing out after the inner transport forgot it.
struct OwnedDatagram {
  std::vector<std::byte> payload;
  RxDatagram datagram;
  unsigned polls_left = 0;
};

class SpoilingTransport final : public FaultyTransport {
 public:
  SpoilingTransport(std::unique_ptr<Transport> inner, const FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan), state_(plan.seed) {}

  std::span<TxSlot* const> acquire(std::size_t want) override {
    const auto slots = inner_->acquire(want);
    acquired_.assign(slots.begin(), slots.end());
    return acquired_;
  }
  void submit(std::size_t count) override;
  TransportEvents poll(MonotonicTime until, WaitMode wait) override;

  PointSet points_on_path() const override { return inner_->points_on_path(); }
  PointSet points_enabled() const override { return inner_->points_enabled(); }
  TransportLosses losses() const override { return inner_->losses(); }
  Endpoint local() const override { return inner_->local(); }
  std::string description() const override { return inner_->description() + " with faults"; }
  FaultCounts faults() const override { return counts_; }

 private:
  bool happens(unsigned permille);
  void take(const RxDatagram& datagram);
  void release_delayed();

  std::unique_ptr<Transport> inner_;
  FaultPlan plan_;
  std::uint64_t state_;
  FaultCounts counts_;
  std::vector<TxSlot*> acquired_;
  EventStore ready_;
  std::deque<OwnedDatagram> delayed_;
  std::vector<OwnedDatagram> released_;  // handed out by the last poll
};

/// SplitMix64 (Steele, Lea, Flood 2014).
bool SpoilingTransport::happens(unsigned permille) {
  if (permille == 0) return false;
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebULL;
  mixed ^= mixed >> 31U;
  return mixed % 1000 < permille;
}

void SpoilingTransport::submit(std::size_t count) {
  NETOBS_CHECK(count <= acquired_.size(), "submit {} of {} acquired", count, acquired_.size());
  // The inner transport sends the first slots of its own order, so what is to be sent moves up.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (happens(plan_.drop_tx_permille)) {
      ++counts_.dropped_tx;
      continue;
    }
    if (kept != i) {
      TxSlot& to = *acquired_[kept];
      const TxSlot& from = *acquired_[i];
      std::copy_n(from.buffer.begin(), from.size, to.buffer.begin());
      to.size = from.size;
      to.timestamp_id = from.timestamp_id;
      to.hardware_stamp = from.hardware_stamp;
      to.peer = from.peer;
      to.local = from.local;
    }
    ++kept;
  }
  acquired_.clear();
  inner_->submit(kept);
}

void SpoilingTransport::take(const RxDatagram& datagram) {
  if (happens(plan_.drop_rx_permille)) {
    ++counts_.dropped_rx;
    return;
  }
  if (happens(plan_.delay_rx_permille)) {
    ++counts_.delayed_rx;
    delayed_.push_back({.payload = {datagram.payload.begin(), datagram.payload.end()},
                        .datagram = datagram,
                        .polls_left = plan_.delay_polls});
    return;
  }
  ready_.datagrams.push_back(datagram);
  if (happens(plan_.duplicate_rx_permille)) {
    ++counts_.duplicated_rx;
    ready_.datagrams.push_back(datagram);
  }
}

void SpoilingTransport::release_delayed() {
  released_.clear();
  for (auto& held : delayed_) --held.polls_left;
  while (!delayed_.empty() && delayed_.front().polls_left == 0) {
    released_.push_back(std::move(delayed_.front()));
    delayed_.pop_front();
  }
  for (auto& held : released_) {
    held.datagram.payload = held.payload;
    ready_.datagrams.push_back(held.datagram);
  }
}

TransportEvents SpoilingTransport::poll(MonotonicTime until, WaitMode wait) {
  ready_.clear();
  release_delayed();
  // With something in hand already, only what is there is asked for.
  const auto events = inner_->poll(ready_.empty() ? until : MonotonicTime{}, wait);
  for (const auto& datagram : events.datagrams) take(datagram);
  for (const auto& timestamp : events.tx_timestamps) {
    if (happens(plan_.withhold_timestamp_permille)) {
      ++counts_.withheld_timestamps;
    } else {
      ready_.tx_timestamps.push_back(timestamp);
    }
  }
  ready_.send_failures.assign(events.send_failures.begin(), events.send_failures.end());
  return ready_.view();
}

}  // namespace

std::unique_ptr<FaultyTransport> make_faulty_transport(std::unique_ptr<Transport> inner,
                                                       const FaultPlan& plan) {
  NETOBS_CHECK(plan.delay_polls >= 1, "delay_polls {}", plan.delay_polls);
  return std::make_unique<SpoilingTransport>(std::move(inner), plan);
}

}  // namespace netobs
