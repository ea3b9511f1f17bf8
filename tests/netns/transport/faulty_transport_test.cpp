#include "linux/transport/faulty_transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/base/bytes.hpp"

namespace netobs::test {
namespace {

/// Gives every submitted datagram back at the next poll, with a TX timestamp.
class Loopback final : public Transport {
 public:
  std::span<TxSlot* const> acquire(std::size_t want) override {
    count_ = std::min(want, slots_.size());
    for (std::size_t i = 0; i < count_; ++i) {
      slots_[i].buffer = buffers_[i];
      pointers_[i] = &slots_[i];
    }
    return std::span(pointers_).first(count_);
  }
  void submit(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      sent_.push_back(slots_[i].timestamp_id);
      EXPECT_EQ(load_be<std::uint32_t>(slots_[i].buffer, 0), slots_[i].timestamp_id);
    }
  }
  TransportEvents poll(MonotonicTime /*until*/, WaitMode /*wait*/) override {
    datagrams_.clear();
    timestamps_.clear();
    payloads_.assign(sent_.size(), {});
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      store_be<std::uint32_t>(payloads_[i], 0, sent_[i]);
      datagrams_.emplace_back().payload = payloads_[i];
      timestamps_.push_back({sent_[i], Point::tx_software, 1});
    }
    sent_.clear();
    return {datagrams_, timestamps_, {}};
  }
  PointSet points_on_path() const override { return {}; }
  PointSet points_enabled() const override { return {}; }
  TransportLosses losses() const override { return {}; }
  Endpoint local() const override { return {}; }
  std::string description() const override { return "loopback"; }

 private:
  std::array<std::array<std::byte, 64>, 8> buffers_{};
  std::array<TxSlot, 8> slots_{};
  std::array<TxSlot*, 8> pointers_{};
  std::size_t count_ = 0;
  std::vector<std::uint32_t> sent_;
  std::vector<std::array<std::byte, 64>> payloads_;
  std::vector<RxDatagram> datagrams_;
  std::vector<TxTimestamp> timestamps_;
};

struct Outcome {
  std::multiset<std::uint32_t> datagrams;
  std::set<std::uint32_t> timestamps;
  FaultCounts faults;
};

Outcome run(const FaultPlan& plan) {
  auto faulty = make_faulty_transport(std::make_unique<Loopback>(), plan);
  Outcome outcome;
  for (std::uint32_t round = 0; round < 260; ++round) {
    const std::uint32_t count = round < 250 ? 4 : 0;  // the last polls bring what was delayed
    const auto slots = faulty->acquire(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      slots[i]->size = 64;
      slots[i]->timestamp_id = round * 4 + i;
      store_be<std::uint32_t>(slots[i]->buffer, 0, round * 4 + i);
    }
    faulty->submit(count);
    const auto events = faulty->poll({}, WaitMode::spin);
    for (const auto& datagram : events.datagrams) {
      outcome.datagrams.insert(load_be<std::uint32_t>(datagram.payload, 0));
    }
    for (const auto& timestamp : events.tx_timestamps) outcome.timestamps.insert(timestamp.id);
  }
  outcome.faults = faulty->faults();
  return outcome;
}

TEST(FaultyTransport, WithoutFaultsChangesNothing) {
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.datagrams.size(), 1000U);
  EXPECT_EQ(outcome.timestamps.size(), 1000U);
}

TEST(FaultyTransport, EveryMissingOrExtraDatagramIsCounted) {
  const Outcome outcome = run({.seed = 7,
                               .drop_tx_permille = 100,
                               .drop_rx_permille = 100,
                               .duplicate_rx_permille = 100,
                               .delay_rx_permille = 100,
                               .delay_polls = 3,
                               .withhold_timestamp_permille = 100});
  const FaultCounts& faults = outcome.faults;
  EXPECT_GT(faults.dropped_tx, 0U);
  EXPECT_GT(faults.dropped_rx, 0U);
  EXPECT_GT(faults.duplicated_rx, 0U);
  EXPECT_GT(faults.delayed_rx, 0U);
  EXPECT_GT(faults.withheld_timestamps, 0U);
  EXPECT_EQ(outcome.datagrams.size(),
            1000 - faults.dropped_tx - faults.dropped_rx + faults.duplicated_rx);
  EXPECT_EQ(outcome.timestamps.size(), 1000 - faults.dropped_tx - faults.withheld_timestamps);
}

TEST(FaultyTransport, TheSameSeedSpoilsTheSameDatagrams) {
  const FaultPlan plan{.seed = 42, .drop_tx_permille = 300};
  EXPECT_EQ(run(plan).datagrams, run(plan).datagrams);
  FaultPlan other = plan;
  other.seed = 43;
  EXPECT_NE(run(plan).datagrams, run(other).datagrams);
}

}  // namespace
}  // namespace netobs::test
