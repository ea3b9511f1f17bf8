#include "netns/transport/transport_fixture.hpp"

#include <unistd.h>

#include "linux/os/subprocess.hpp"

namespace netobs::test {
namespace {

Endpoint lab_address(bool v6, std::uint8_t host, std::uint16_t port) {
  if (!v6) return Endpoint::v4({198, 18, 0, host}, port);
  Endpoint endpoint;
  endpoint.address = {0xfd, 0x00, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
  endpoint.port = port;
  return endpoint;
}

void add_cases(std::vector<TransportCase>& cases, const std::string& transport,
               const std::string& variant, const TransportFeatures& features,
               AfXdpMode mode = AfXdpMode::automatic) {
  for (const bool v6 : {false, true}) {
    for (const WaitMode wait : {WaitMode::spin, WaitMode::block}) {
      cases.push_back({transport, variant, features, v6, wait, mode});
    }
  }
}

}  // namespace

void Log::add(const TransportEvents& events) {
  for (const auto& datagram : events.datagrams) {
    datagrams.push_back({{datagram.payload.begin(), datagram.payload.end()}, datagram});
  }
  for (const auto& timestamp : events.tx_timestamps) {
    tx_timestamps[timestamp.id][timestamp.point] = timestamp.ns;
    ++tx_timestamp_count;
  }
  failures.insert(failures.end(), events.send_failures.begin(), events.send_failures.end());
}

std::set<std::uint32_t> Log::ids_with(Point point) const {
  std::set<std::uint32_t> ids;
  for (const auto& [id, points] : tx_timestamps) {
    if (points.contains(point)) ids.insert(id);
  }
  return ids;
}

std::set<std::uint32_t> Log::failed_ids() const {
  std::set<std::uint32_t> ids;
  for (const auto& failure : failures) {
    if (failure.id) ids.insert(*failure.id);
  }
  return ids;
}

void TransportTest::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for network namespaces";
  auto lab = lab::VethLab::create();
  ASSERT_TRUE(lab.has_value()) << lab.error().message();
  lab_.emplace(std::move(*lab));
  TransportOptions trial = options();
  trial.remote = reflector_address(port);
  auto probe = make_sender(trial);
  if (!probe && (probe.error().sys_errno == EPERM || probe.error().sys_errno == ENOSYS)) {
    GTEST_SKIP() << probe.error().message();
  }
  ASSERT_TRUE(probe.has_value()) << probe.error().message();
}

Endpoint TransportTest::sender_address(std::uint16_t at) const {
  return lab_address(v6(), 1, at);
}
Endpoint TransportTest::reflector_address(std::uint16_t at) const {
  return lab_address(v6(), 2, at);
}

PointSet TransportTest::own_points() const {
  PointSet points;
  for (const Point point : {Point::tx_sched, Point::tx_software, Point::rx_software}) {
    points.add(point);
  }
  return bypasses_stack() ? af_xdp_path & points_of(Layer::xdp) : points;
}

std::size_t TransportTest::tx_points() const {
  return bypasses_stack() ? 1 : 2;
}

Point TransportTest::first_tx_point() const {
  return bypasses_stack() ? Point::tx_completion : Point::tx_sched;
}

TransportOptions TransportTest::options() const {
  TransportOptions options;
  options.points = own_points();
  options.features = GetParam().features;
  options.af_xdp.mode = GetParam().mode;
  return options;
}

Result<std::unique_ptr<LinuxTransport>> TransportTest::make_sender(TransportOptions options) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(lab_->sender_side()));
  (void)scope;
  return make_transport(GetParam().transport, options);
}

Result<std::unique_ptr<LinuxTransport>> TransportTest::make_reflector(TransportOptions options) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(lab_->reflector_side()));
  (void)scope;
  return make_transport(GetParam().transport, options);
}

void TransportTest::open_both() {
  TransportOptions sender_options = options();
  sender_options.remote = reflector_address(port);
  auto sender = make_sender(sender_options);
  ASSERT_TRUE(sender.has_value()) << sender.error().message();
  sender_ = std::move(*sender);
  TransportOptions reflector_options = options();
  reflector_options.local = reflector_address(port);
  auto reflector = make_reflector(reflector_options);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  reflector_ = std::move(*reflector);
}

void TransportTest::warm_up() {
  Log sent;
  Log reflected;
  send(*sender_, 0xfffffffe);
  poll_until(*reflector_, reflected, [&] { return !reflected.datagrams.empty(); });
  poll_until(*sender_, sent, [&] { return sent.tx_timestamp_count >= tx_points(); });
  ASSERT_EQ(reflected.datagrams.size(), 1U);
  ASSERT_EQ(sent.tx_timestamp_count, tx_points());
}

void TransportTest::ip(bool on_sender, const std::vector<std::string>& arguments,
                       const std::string& program) {
  auto scope = os::NamespaceScope::enter(on_sender ? lab_->sender_side() : lab_->reflector_side());
  ASSERT_TRUE(scope.has_value());
  std::vector<std::string> command{program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto output = os::run_process(command, "");
  ASSERT_TRUE(output.has_value()) << output.error().message();
  ASSERT_EQ(output->exit_status, 0) << output->text;
}

void TransportTest::send(Transport& transport, std::uint32_t id, std::size_t bytes,
                         const RxDatagram* reply_to) {
  const auto slots = transport.acquire(1);
  ASSERT_EQ(slots.size(), 1U);
  TxSlot& slot = *slots[0];
  ASSERT_LE(bytes, slot.buffer.size());
  slot.size = bytes;
  store_be<std::uint32_t>(slot.buffer, 0, id);
  slot.timestamp_id = id;
  if (reply_to != nullptr) {
    slot.peer = reply_to->peer;
    slot.local = reply_to->local;
  }
  transport.submit(1);
}

std::vector<TransportCase> all_cases() {
  std::vector<TransportCase> cases;
  for (const auto& kind : transport_table()) {
    const std::string name(kind.name);
    add_cases(cases, name, "full", {});
    if (name == "af_xdp") {
      add_cases(cases, name, "skb", {}, AfXdpMode::skb);
      add_cases(cases, name, "copy", {}, AfXdpMode::copy);
      continue;  // it uses none of the features of sockets
    }
    add_cases(cases, name, "no_scm_ts_opt_id", {.scm_ts_opt_id = false});
    add_cases(cases, name, "no_send_batching", {.send_batching = false});
    if (name != "io_uring") continue;
    add_cases(cases, name, "no_uring_tx_timestamp", {.uring_tx_timestamp = false});
    add_cases(cases, name, "no_multishot", {.multishot = false});
    add_cases(cases, name, "no_defer_taskrun", {.defer_taskrun = false});
  }
  return cases;
}

}  // namespace netobs::test
