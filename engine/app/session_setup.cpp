#include "app/session_setup.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <thread>

#include "app/features.hpp"
#include "app/reflector_loop.hpp"
#include "app/warm_up.hpp"
#include "core/session/disguise.hpp"
#include "core/stats/wide.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/host_facts.hpp"
#include "linux/os/socket.hpp"

namespace netobs::app {
namespace {

constexpr std::size_t ping_pong_frames = 64;

bool bypasses_in_turns(const RunConfig& config) {
  return config.transport == "af_xdp" && config.schedule.kind == ScheduleKind::ping_pong;
}

constexpr std::uint32_t max_datagram_bytes = 9216;

/// Two reports per reply: one keeps up with the probes, the second repeats it against loss.
constexpr unsigned reports_per_reply = 2;

os::AddressFamily family(const RunConfig& config) {
  return config.address_family == AF_INET    ? os::AddressFamily::v4
         : config.address_family == AF_INET6 ? os::AddressFamily::v6
                                             : os::AddressFamily::any;
}

std::uint16_t random_ssid() {
  std::uint16_t value = 0;
  // Not a secret: it keeps sessions of one port apart. The upper half is the warm-up's.
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) value = 1;
  return static_cast<std::uint16_t>((value & 0x7fffU) | 1U);
}

Result<os::InterfaceFacts> find_interface(const RunConfig& config, const Endpoint& remote) {
  if (!config.interface.empty()) return os::interface_facts(config.interface);
  // What goes to an own address goes over loopback, whichever interface holds it.
  if (os::interface_holding(remote)) return os::interface_facts("lo");
  NETOBS_TRY(source, os::source_address_towards(remote));
  const auto name = os::interface_holding(source);
  if (!name) {
    return fail({.what = "find the interface that holds " + source.address_text(),
                 .cause = "",
                 .remedy = "Name it with --interface."});
  }
  return os::interface_facts(*name);
}

Result<std::unique_ptr<LinuxTransport>> open_transport(const RunConfig& config,
                                                       const PreparedSession& session,
                                                       const KernelFeatures& features) {
  TransportOptions options;
  options.remote = session.remote;
  if (!config.bind_address.empty()) {
    NETOBS_TRY(addresses, os::resolve(config.bind_address, 0, family(config)));
    options.local = addresses.front();
  }
  if (config.nic.ptp_disguise) options.local.port = ptp_event_port;
  options.interface = config.interface;
  options.points = config.layers.points().without(points_of(Layer::nic));
  if (session.nic) options.points = options.points | session.nic->points();
  options.max_datagram_bytes = std::min(max_datagram_bytes, std::max(2048U, config.size_bytes));
  options.dscp = config.dscp;
  // Beside kernel timestamps the TTL costs nothing; alone it would be the only control message.
  options.receive_ttl = config.layers.wants(Layer::kernel) || config.transport == "af_xdp";
  options.features = features.transport;
  // Received frames are used in turn. Few stay in the cache, and one at a time needs no more.
  // A stream needs what comes in while this thread does not run: 50 ms at 80,000 packets/s.
  constexpr std::size_t stream_frames = 4096;
  if (config.transport == "af_xdp") {
    options.rx_buffers = bypasses_in_turns(config) ? ping_pong_frames : stream_frames;
  }
  options.af_xdp = config.af_xdp;
  options.af_xdp.tai_clock = features.hooks.tai_clock;
  options.busy_poll_us = config.busy_poll_us;
  return make_transport(config.transport, options);
}

/// The driver took no filter that our packets match: that is known before anything is sent.
void note_unusable_filter(PreparedSession& session) {
  if (session.nic->points().has(Point::rx_hardware)) return;
  const auto& remarks = session.nic->report().remarks;
  session.evidence[slot(Host::sender, Point::rx_hardware)].refused =
      Error{.what = fmt::format("{} stamps no packets like ours", session.interface.name),
            .cause = remarks.empty() ? "" : remarks.front(),
            .remedy = std::string(disguise_remedy)};
}

/// Sets the NIC before the socket is opened: a change may take the link down.
void open_nic(const RunConfig& config, PreparedSession& session) {
  if (!config.layers.wants(Layer::nic) || !session.interface.has_phc) return;
  auto opened = NicSide::open(session.interface.name, points_of(Layer::nic), config.nic);
  if (opened) {
    session.nic.emplace(std::move(*opened));
    note_unusable_filter(session);
    return;
  }
  for (const Point point : {Point::tx_hardware, Point::rx_hardware}) {
    session.evidence[slot(Host::sender, point)].refused = opened.error();
  }
}

void note_refusals(const LinuxTransport& transport, PreparedSession& session) {
  for (const auto& row : point_table) {
    auto refused = transport.refused(row.point);
    if (refused) session.evidence[slot(Host::sender, row.point)].refused = std::move(refused);
  }
}

Result<void> open_hooks(const RunConfig& config, const HookFeatures& features,
                        PreparedSession& session) {
  HookWish wish;
  wish.wanted = config.layers.points() & session.transport->points_on_path();
  wish.interfaces = {session.interface.name};
  wish.local_port = session.transport->local().port;
  wish.remote = session.remote;
  wish.authenticated = !config.auth_key.empty();
  wish.socket_fd = session.transport->socket_fd();
  wish.features = features;
  if (config.taps.packets) {
    wish.sink = config.taps.packets;
    wish.snap_bytes = CaptureLog::snap_bytes;
  }
  NETOBS_TRY(opened, netobs::app::open_hooks(wish));
  session.hooks = std::move(opened.hooks);
  for (const auto& [point, error] : opened.refused) {
    session.evidence[slot(Host::sender, point)].refused = error;
  }
  return {};
}

SenderConfig sender_config(const RunConfig& config, const Endpoint& remote) {
  SenderConfig sender;
  sender.schedule = config.schedule;
  sender.count = config.count;
  sender.duration = config.duration;
  sender.timeout = config.timeout;
  sender.ssid = random_ssid();
  sender.error_estimate = current_error_estimate();
  sender.remote = remote;
  sender.reflector_points = config.layers.points();
  sender.stamp_sampling = config.nic.sampling;
  if (config.nic.ptp_disguise) {
    sender.first_sequence = disguised_first_sequence;
    sender.reflector_first_sequence = disguised_first_sequence;
    sender.count = sender.count == 0 ? max_disguised_probes : sender.count;
  }
  auto mode = wire::Mode::unauthenticated;
  if (!config.auth_key.empty()) {
    mode = wire::Mode::authenticated;
    const auto bytes = std::as_bytes(std::span(config.auth_key));
    sender.auth_key.emplace(bytes.begin(), bytes.end());
  }
  sender.size_bytes = config.size_bytes != 0
                          ? config.size_bytes
                          : probe_size_for(mode, sender.reflector_points, reports_per_reply);
  return sender;
}

/// What a probe passes at the reflector, by its own word; without one it is a socket's path.
PointSet reflector_path(const ReflectorInfo& reflector) {
  return reflector.on_path == PointSet{} ? socket_path : reflector.on_path;
}

/// What one host can give, by what it switched on and what the warm-up then saw.
struct HostPoints {
  PointSet on_path;
  PointSet delivering;
};

HostPoints judge(Host host, PointSet on_path, PointSet switched_on, PreparedSession& session) {
  HostPoints points{on_path, switched_on};
  for (const auto& row : point_table) {
    auto& evidence = session.evidence[slot(host, row.point)];
    if (!switched_on.has(row.point) || evidence.captured > 0) continue;
    points.delivering.remove(row.point);
    if (row.point == Point::skb_copy_datagram_iovec) {
      // Attached, yet never hit: UDP copies a packet that lies in one piece without passing it
      // (net/ipv4/udp.c, udp_recvmsg). Drivers that use page fragments do pass it.
      points.on_path.remove(row.point);
      evidence.refused =
          Error{.what = "not passed: the kernel copies packets in one piece elsewhere",
                .cause = "",
                .remedy = "A driver that receives into page fragments passes it."};
      continue;
    }
    // Whatever it claims, what delivered nothing in the whole warm-up will not do so later.
    evidence.refused =
        Error{.what = fmt::format("delivered none of {} warm-up probes", session.warmup_replies),
              .cause = "The driver or the kernel accepts the setting and gives no timestamp.",
              .remedy = row.point == Point::rx_hardware ? std::string(disguise_remedy) : ""};
  }
  return points;
}

void make_plan(const RunConfig& config, PreparedSession& session) {
  const auto wanted = config.layers.points();
  PointSet on_sender = points_of(Layer::app) | session.transport->points_enabled();
  if (session.hooks) on_sender = on_sender | session.hooks->points_enabled();
  // A foreign reflector gives T2 and T3, and perhaps Follow-Up Telemetry.
  PointSet foreign = points_of(Layer::app);
  foreign.add(Point::tx_software);
  foreign.add(Point::tx_hardware);
  const PointSet on_reflector = session.reflector.multi_layer ? session.reflector.points : foreign;
  const auto sender_path = session.transport->points_on_path();
  session.nic_converted = {session.nic && session.nic->has_clock(),
                           session.reflector.nic_converted};
  const std::array hosts{
      judge(Host::sender, sender_path, on_sender, session),
      judge(Host::reflector, reflector_path(session.reflector), on_reflector & wanted, session)};
  for (std::size_t i = 0; i < slot_count; ++i) {
    const auto point = slot_point(i);
    const auto& points = hosts[index(slot_host(i))];
    auto& plan = session.plan[i];
    plan.by_name = config.layers.requires_layer(info(point).layer);
    plan.reason = !wanted.has(point)             ? Reason::not_requested
                  : !points.on_path.has(point)   ? Reason::not_on_path
                  : points.delivering.has(point) ? Reason::captured
                                                 : Reason::unsupported;
  }
}

/// A layer that was named must deliver on both ends, as far as it lies on the path.
Result<void> check_required(const RunConfig& config, const PreparedSession& session) {
  for (std::size_t i = 0; i < slot_count; ++i) {
    const auto point = slot_point(i);
    const auto& plan = session.plan[i];
    if (!plan.by_name || plan.reason != Reason::unsupported) continue;
    const bool here = slot_host(i) == Host::sender;
    const auto& refused = session.evidence[i].refused;
    const std::string cause = !here     ? "The reflector does not record it."
                              : refused ? refused->message()
                                        : "Neither the kernel nor the interface offers it.";
    return fail(
        {.what = fmt::format("the layer {} was asked for, but {} cannot be measured at the {}",
                             name(info(point).layer), name(point), name(slot_host(i))),
         .cause = cause,
         .remedy = here ? "`netobs doctor` says what is missing; --layers auto does without."
                        : "Start the reflector with that layer, or use --layers auto.",
         .exit = ExitCode::layer_missing});
  }
  (void)config;
  return {};
}

Error too_long(const PreparedSession& session, const std::string& where) {
  constexpr std::uint32_t v4_headers_bytes = 28;  // IP and UDP
  constexpr std::uint32_t v6_headers_bytes = 48;
  const auto headers = session.remote.is_v4() ? v4_headers_bytes : v6_headers_bytes;
  const auto mtu = session.interface.mtu_bytes;
  const auto room = mtu > headers ? mtu - headers : 0;
  const bool here = session.sender.size_bytes > room;
  return {
      .what = fmt::format("send probes of {} bytes to {}", session.sender.size_bytes, where),
      .sys_errno = EMSGSIZE,
      .cause = here ? fmt::format("{} takes {} bytes at once, {} of them for headers; probes are "
                                  "never fragmented.",
                                  session.interface.name, mtu, headers)
                    : "A link on the way takes less at once; probes are never fragmented.",
      .remedy = here ? fmt::format("Use --size {} or less.", room) : "Use a smaller --size."};
}

/// What would answer there.
std::string_view reflector_command(const RunConfig& config) {
  return config.nic.ptp_disguise ? "`sudo netobs reflect --ptp-disguise`" : "`sudo netobs reflect`";
}

Error nobody_answers(const RunConfig& config, const PreparedSession& session,
                     const WarmUp& warm_up) {
  const auto where = fmt::format("{} port {}", config.host, config.port);
  if (warm_up.last_errno == EMSGSIZE) return too_long(session, where);
  if (warm_up.last_errno == ECONNREFUSED) {
    return {.what = "measure to " + where,
            .sys_errno = ECONNREFUSED,
            .cause = "The host is there, but nothing listens on that UDP port.",
            .remedy = fmt::format("Start {} on it{}.", reflector_command(config),
                                  config.nic.ptp_disguise ? "" : ", or name the port: HOST:PORT")};
  }
  if (warm_up.counters.bad_hmac > 0) {
    return {.what = "measure to " + where,
            .cause = "It answers, but its HMAC does not match ours.",
            .remedy = "Both ends need the same key: --auth-key-file."};
  }
  return {
      .what = fmt::format("no answer from {}", where),
      .sys_errno = warm_up.last_errno,
      .cause = config.auth_key.empty()
                   ? "No reflector runs there, it wants authentication, or a firewall is between."
                   : "No reflector runs there, its key differs, or a firewall is between.",
      .remedy = fmt::format("Start {} on it and let UDP to that port through.",
                            reflector_command(config))};
}

}  // namespace

stats::ClockRelation clock_relation(bool one_kernel, const wire::ErrorEstimate& ours,
                                    const std::optional<wire::ErrorEstimate>& theirs) {
  using Kind = stats::ClockRelation::Kind;
  if (one_kernel) return {Kind::same_clock, 0};
  if (!theirs || !theirs->synchronised || !ours.synchronised) return {};
  return {Kind::synchronised, stats::saturating_sum(ours.bound_ns(), theirs->bound_ns())};
}

std::uint64_t own_clock_identity() {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : os::read_host_facts().boot_id) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash == 0 ? 1 : hash;
}

namespace {

bool gave_no_receive_time(const PreparedSession& session, const WarmUp& warmed) {
  return session.nic && warmed.replies > 0 &&
         session.transport->points_enabled().has(Point::rx_hardware) &&
         warmed.captured[slot(Host::sender, Point::rx_hardware)] == 0;
}

/// What sends meet while a link is down.
bool is_no_way(int sys_errno) {
  return sys_errno == EHOSTUNREACH || sys_errno == ENETUNREACH || sys_errno == ENETDOWN;
}

/// Another session than the last one: where there is a key, a reflector answers no sequence of a
/// session twice.
std::uint16_t next_ssid(std::uint16_t ssid) {
  return static_cast<std::uint16_t>(((ssid + 2U) & 0x7fffU) | 1U);
}

/// A reflector starts to capture when somebody asks for it, beside answering: what it has to give
/// is complete a moment later.
bool is_getting_ready(const RunConfig& config, const WarmUp& warmed) {
  const auto& reflector = warmed.reflector;
  if (!config.layers.wants(Layer::pcap) || !reflector.reports()) return false;
  return !reflector.points.has(Point::pcap_rx) && reflector_path(reflector).has(Point::pcap_rx);
}

/// Only delivered timestamps count: a filter that gives none makes room for the next. A NIC that
/// has been set may need a few seconds until its link is up again.
Result<WarmUp> warm_up_with_nic(const RunConfig& config, PreparedSession& session,
                                const RunControl& control, std::uint64_t probes) {
  int silent_rounds = session.nic && !session.nic->report().changed.empty() ? 3 : 0;
  SenderConfig sender = session.sender;
  bool last_round = false;
  constexpr std::chrono::milliseconds to_get_ready(150);
  int ready_rounds = 4;
  while (true) {
    NETOBS_TRY(warmed, warm_up(sender, *session.transport, session.hooks.get(), control,
                               config.wait, probes));
    sender.ssid = next_ssid(sender.ssid);
    const bool silent =
        warmed.replies == 0 && (warmed.last_errno == 0 || is_no_way(warmed.last_errno));
    if (silent && silent_rounds-- > 0 && !control.stop()) continue;
    if (is_getting_ready(config, warmed) && ready_rounds-- > 0 && !control.stop()) {
      std::this_thread::sleep_for(to_get_ready);
      continue;
    }
    if (!gave_no_receive_time(session, warmed)) return warmed;
    if (last_round) return warmed;
    const auto next = session.nic->try_next_filter();
    // The filter is back at what it was then, which may have taken the link down once more.
    last_round = !next || !*next;
    silent_rounds = 3;
  }
}

}  // namespace

CorrelatorConfig PreparedSession::correlator() const {
  CorrelatorConfig config;
  config.timeout = sender.timeout;
  const auto period =
      sender.schedule.kind == ScheduleKind::ping_pong ? Duration::zero() : sender.schedule.period();
  // The reflector's report of a probe comes with a later reply: a few periods later at low rates.
  config.grace = std::max<Duration>(std::chrono::milliseconds(500), 4 * period);
  const auto under_way =
      period == Duration::zero() ? 4096 : (config.timeout + config.grace) / period + 1;
  const auto bounded = std::clamp<std::int64_t>(under_way * 3 / 2, 4096, std::int64_t{1} << 19U);
  config.window = std::bit_ceil(static_cast<std::size_t>(bounded));
  config.sender_points = stats::active_points(plan, Host::sender);
  config.reflector_points = stats::active_points(plan, Host::reflector);
  for (std::size_t i = 0; i < slot_count; ++i) config.absent_reason[i] = plan[i].reason;
  config.reflector_reports = reflector.reports();
  config.reflector_counts = reflector.stateful;
  config.buffer_comes_back = reflector.base_is_xdp && interface.is_virtual();
  config.nic_converted = nic_converted;
  return config;
}

Result<PreparedSession> prepare_session(const RunConfig& config, const RunControl& control) {
  NETOBS_TRY(features, features_without(config.disabled.names));
  PreparedSession session;
  NETOBS_TRY(addresses, os::resolve(config.host, config.port, family(config)));
  session.remote = addresses.front();
  NETOBS_TRY(interface, find_interface(config, session.remote));
  session.interface = interface;
  session.leftovers = nic::restore_leftovers();
  open_nic(config, session);
  NETOBS_TRY(transport, open_transport(config, session, features));
  note_refusals(*transport, session);
  session.transport =
      config.taps.transport ? config.taps.transport(std::move(transport)) : std::move(transport);
  NETOBS_TRY_VOID(open_hooks(config, features.hooks, session));
  session.sender = sender_config(config, session.remote);
  session.sender.stamp_hardware = session.transport->points_enabled().has(Point::tx_hardware);
  // The first use of a frame is slow where page tables are shadowed (some virtual machines): 7 us
  // were seen.
  const auto probes =
      bypasses_in_turns(config) ? ping_pong_frames + warm_up_probes : warm_up_probes;
  NETOBS_TRY(warmed, warm_up_with_nic(config, session, control, probes));
  if (session.nic) session.nic->settle();
  if (warmed.replies == 0) return fail(nobody_answers(config, session, warmed));
  session.reflector = warmed.reflector;
  session.warmup_replies = warmed.replies;
  for (std::size_t i = 0; i < slot_count; ++i) session.evidence[i].captured = warmed.captured[i];
  session.sender.multi_layer = session.reflector.multi_layer;
  make_plan(config, session);
  NETOBS_TRY_VOID(check_required(config, session));
  // What does not come must hold no report back.
  session.sender.reflector_points =
      session.sender.reflector_points & stats::active_points(session.plan, Host::reflector);
  session.clocks = clock_relation(session.reflector.clock_identity == own_clock_identity(),
                                  session.sender.error_estimate, session.reflector.error_estimate);
  return session;
}

}  // namespace netobs::app
