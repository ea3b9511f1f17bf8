#include "app/selftest/places.hpp"

#include <array>
#include <memory>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/wire/packet.hpp"
#include "linux/lab/filler.hpp"
#include "linux/lab/relay.hpp"
#include "linux/lab/relay_lab.hpp"
#include "linux/lab/token_bucket.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/transport/holding_transport.hpp"

namespace netobs::app::selftest {
namespace {

constexpr std::uint32_t payload_bytes = 256;  // room for all layers
constexpr std::int64_t frame_bytes = payload_bytes + lab::Filler::header_bytes;
constexpr std::uint16_t discard_port = 9;

/// Between two probes: the longest delay, and time for a bucket to fill and a machine to settle.
Duration interval_of(const DelayPlan& plan) {
  return plan.delays().back() + std::chrono::milliseconds(6);
}

Hosts hosts_of(const lab::VethLab& lab) {
  return {&lab.sender_side(), &lab.reflector_side(), lab::VethLab::sender_interface,
          lab::VethLab::reflector_interface};
}

BlockPlan plan_for(const Bench& bench, const Hosts& hosts) {
  auto plan = plan_block(hosts, bench.setup, bench.plan.probe_count(), interval_of(bench.plan));
  plan.run.size_bytes = payload_bytes;
  return plan;
}

Result<Injected> run(const Bench& bench, const BlockPlan& plan, Account& account) {
  NETOBS_TRY(block, run_block(plan, bench.control));
  return Injected{std::move(block), std::move(account)};
}

/// Spins: a sleep would end a wake-up later than asked. Returns how long it took.
std::int64_t spin_for(Duration delay) {
  const auto start = os::monotonic_now();
  auto now = start;
  while (now - start < delay) now = os::monotonic_now();
  return (now - start).count();
}

/// A delay that has to be chosen before the packet that gets it can be seen: numbers follow each
/// other, so it is the one after the last seen.
struct Upcoming {
  std::uint64_t next = ~std::uint64_t{0};  // a number beyond the plan: the first delay
  std::size_t level = 0;
  std::int64_t held_ns = 0;

  void hold(const DelayPlan& plan) {
    level = plan.level_of(next);
    held_ns = level == 0 ? 0 : spin_for(plan.delays()[level]);
  }
  void seen(std::uint32_t sequence, Account& account) {
    account.note(sequence, {level, held_ns});
    next = std::uint64_t{sequence} + 1;
    // Whatever comes together with this one had no hold of its own.
    level = 0;
    held_ns = 0;
  }
};

/// Sends filler ahead of each probe, so that it finds a token bucket empty. The account: the time
/// at which the bucket lets the probe go, by arithmetic from the first filler, less the time at
/// which the probe is handed to the kernel, by the sender's clock.
struct BucketFiller {
  BucketFiller(const DelayPlan& delays, lab::Filler packets, Account& notes)
      : plan(delays), filler(std::move(packets)), account(notes) {}

  void before_write() {
    level = plan.level_of(next);
    const auto bytes = lab::TokenBucket::filler_for(plan.delays()[level], frame_bytes);
    started = os::monotonic_now();
    sent = bytes == 0 || filler.send(bytes);
    leaves = started + lab::TokenBucket::time_to_pass(bytes + frame_bytes);
  }
  void before_send(std::span<TxSlot* const> slots) {
    const auto wait = std::max(Duration::zero(), leaves - os::monotonic_now());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto sequence = load_be<std::uint32_t>(slots[i]->buffer, 0);
      next = std::uint64_t{sequence} + 1;
      // A second probe in the same batch waits for the first one's bytes too.
      if (i == 0 && sent) account.note(sequence, {level, level == 0 ? 0 : wait.count()});
    }
  }

  const DelayPlan& plan;
  lab::Filler filler;
  Account& account;
  std::uint64_t next = ~std::uint64_t{0};
  std::size_t level = 0;
  MonotonicTime started;
  MonotonicTime leaves;
  bool sent = false;
};

TransportWrapper filling(const std::shared_ptr<BucketFiller>& state) {
  return [state](std::unique_ptr<LinuxTransport> inner) {
    return make_holding_transport(
        std::move(inner),
        {.before_write = [state] { state->before_write(); },
         .before_send = [state](std::span<TxSlot* const> slots) { state->before_send(slots); },
         .datagram_waits = {},
         .received = {}});
  };
}

/// The user's interfaces, or a lab that lives as long as this.
class Way {
 public:
  static Result<Way> open(const Bench& bench) {
    Way path;
    if (bench.cabled != nullptr) {
      path.hosts_ = *bench.cabled;
      return path;
    }
    NETOBS_TRY(lab, lab::VethLab::create());
    path.lab_ = std::make_unique<lab::VethLab>(std::move(lab));
    path.hosts_ = hosts_of(*path.lab_);
    return path;
  }
  [[nodiscard]] const Hosts& hosts() const { return hosts_; }

 private:
  std::unique_ptr<lab::VethLab> lab_;
  Hosts hosts_;
};

Result<lab::Filler> filler_between(const Hosts& hosts) {
  return lab::Filler::make(*hosts.sender, *hosts.reflector,
                           lab::VethLab::reflector_v4(discard_port));
}

Result<Injected> in_sender_qdisc(const Bench& bench) {
  NETOBS_TRY(path, Way::open(bench));
  const auto& hosts = path.hosts();
  NETOBS_TRY(bucket, lab::TokenBucket::on_egress(*hosts.sender, hosts.sender_interface));
  (void)bucket;
  NETOBS_TRY(filler, filler_between(hosts));
  Account account(bench.plan.probe_count());
  auto plan = plan_for(bench, hosts);
  plan.run.taps.transport =
      filling(std::make_shared<BucketFiller>(bench.plan, std::move(filler), account));
  return run(bench, plan, account);
}

Result<Injected> in_network(const Bench& bench) {
  NETOBS_TRY(lab, lab::RelayLab::create());
  const Hosts hosts{&lab.sender_side(), &lab.reflector_side(), lab::VethLab::sender_interface,
                    lab::VethLab::reflector_interface};
  const auto& delays = bench.plan;
  constexpr std::size_t warm_up_and_drain = 4096;
  lab::Relay::Options options{.towards_sender = lab::RelayLab::towards_sender,
                              .towards_reflector = lab::RelayLab::towards_reflector,
                              .cpu = std::nullopt,
                              .most_entries = 2 * delays.probe_count() + warm_up_and_drain};
  auto plan = plan_for(bench, hosts);
  // The sender sleeps while the relay works.
  if (bench.setup.sender_cpu) options.cpu = static_cast<unsigned>(*bench.setup.sender_cpu);
  NETOBS_TRY(
      relay,
      lab::Relay::start(lab.middle(), options, [&delays](bool reply, std::uint32_t sequence) {
        return lab::RelayOrder{.act = lab::RelayAct::pass,
                               .hold = reply ? Duration{} : delays.delay_of(sequence)};
      }));
  Account account(delays.probe_count());
  auto injected = run(bench, plan, account);
  if (!injected) return injected;
  // A probe passes before its reply.
  for (const auto& entry : relay.stop()) {
    const auto held_ns = entry.left_ns - entry.arrived_ns;
    if (entry.reply) {
      injected->account.note_aside(entry.sender_sequence, held_ns);
    } else {
      injected->account.note(entry.sender_sequence,
                             {delays.level_of(entry.sender_sequence), held_ns});
    }
  }
  return injected;
}

Result<Injected> in_reflector_ingress(const Bench& bench) {
  NETOBS_TRY(path, Way::open(bench));
  const auto& hosts = path.hosts();
  NETOBS_TRY(bucket, lab::TokenBucket::on_ingress(*hosts.reflector, hosts.reflector_interface));
  (void)bucket;
  NETOBS_TRY(filler, filler_between(hosts));
  Account account(bench.plan.probe_count());
  auto plan = plan_for(bench, hosts);
  // The redirection to the ifb device erases the receive timestamp, and the kernel takes it anew
  // behind the bucket (include/linux/skbuff.h, skb_set_redirected): there rx_software is no longer
  // the lowest point, so the reflector measures this way without it.
  plan.reflector.layers.wanted[index(Layer::kernel)] = false;
  plan.run.taps.transport =
      filling(std::make_shared<BucketFiller>(bench.plan, std::move(filler), account));
  return run(bench, plan, account);
}

Result<Injected> in_reflector_application(const Bench& bench) {
  NETOBS_TRY(path, Way::open(bench));
  Account account(bench.plan.probe_count());
  Upcoming upcoming;
  const auto& delays = bench.plan;
  auto plan = plan_for(bench, path.hosts());
  plan.reflector.wrap_transport = [&](std::unique_ptr<LinuxTransport> inner) {
    return make_holding_transport(
        std::move(inner), {.before_write = [&] { upcoming.hold(delays); },
                           .before_send =
                               [&](std::span<TxSlot* const> slots) {
                                 const auto at =
                                     wire::layout(wire::Mode::unauthenticated).sender_sequence;
                                 for (const auto* slot : slots) {
                                   upcoming.seen(load_be<std::uint32_t>(slot->buffer, at), account);
                                 }
                               },
                           .datagram_waits = {},
                           .received = {}});
  };
  return run(bench, plan, account);
}

Result<Injected> in_sender_application(const Bench& bench) {
  NETOBS_TRY(path, Way::open(bench));
  Account account(bench.plan.probe_count());
  Upcoming upcoming;
  const auto& delays = bench.plan;
  auto plan = plan_for(bench, path.hosts());
  plan.run.taps.transport = [&](std::unique_ptr<LinuxTransport> inner) {
    return make_holding_transport(
        std::move(inner),
        {.before_write = {},
         .before_send = {},
         .datagram_waits = [&] { upcoming.hold(delays); },
         .received =
             [&](std::span<const RxDatagram> datagrams) {
               for (const auto& datagram : datagrams) {
                 const auto at = wire::layout(wire::Mode::unauthenticated).sender_sequence;
                 if (datagram.payload.size() < at + sizeof(std::uint32_t)) continue;
                 upcoming.seen(load_be<std::uint32_t>(datagram.payload, at), account);
               }
             }});
  };
  return run(bench, plan, account);
}

constexpr std::array<Place, 5> places{{
    {"sender_qdisc",
     "sender's qdisc",
     "sender",
     "qdisc",
     "TBF on the sender's interface; serialisation by arithmetic from the first filler packet",
     {slot(Host::sender, Point::tc_egress), slot(Host::sender, Point::net_dev_start_xmit)},
     false,
     in_sender_qdisc},
    {"network",
     "network",
     "",
     "network",
     "a relay in user space between the hosts; its own clock reads",
     {slot(Host::sender, Point::tx_software), slot(Host::reflector, Point::rx_software)},
     true,
     in_network,
     Stretch{slot(Host::reflector, Point::tx_software), slot(Host::sender, Point::rx_software)}},
    {"reflector_ingress",
     "reflector's ingress",
     "reflector",
     "ingress",
     "TBF on an ifb device behind the reflector's tc ingress; arithmetic as above",
     {slot(Host::reflector, Point::tc_ingress), slot(Host::reflector, Point::socket_delivery)},
     false,
     in_reflector_ingress},
    {"reflector_application",
     "reflector's application",
     "reflector",
     "app",
     "the reflector waits between receiving and answering; its own clock reads",
     {slot(Host::reflector, Point::app_rx), slot(Host::reflector, Point::app_tx)},
     false,
     in_reflector_application},
    {"sender_application",
     "sender's application",
     "sender",
     "app",
     "the sender leaves a reply in the socket; its own clock reads",
     {slot(Host::sender, Point::socket_delivery), slot(Host::sender, Point::app_rx)},
     false,
     in_sender_application},
}};

}  // namespace

std::span<const Place> place_table() {
  return places;
}

}  // namespace netobs::app::selftest
