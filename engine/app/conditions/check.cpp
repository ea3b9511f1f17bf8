#include "app/conditions/check.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>

#include "app/conditions/iperf3_client.hpp"
#include "app/conditions/loaded.hpp"
#include "app/store_set.hpp"
#include "core/conditions/render.hpp"
#include "linux/conditions/echo.hpp"
#include "linux/conditions/public_ip.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/interface.hpp"
#include "linux/os/socket.hpp"
#include "store/rows.hpp"

namespace netobs::app {
namespace {

using conditions::Conditions;
using conditions::Item;

bool is_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  const auto plain = text.substr(0, text.find('%'));
  return ::inet_pton(AF_INET, plain.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1;
}

/// One check: fills in an item after the other.
class Check {
 public:
  Check(const CheckOptions& options, RunControl& control, Conditions& found)
      : options_(options), control_(control), found_(found) {}

  void run() {
    look_up();
    if (options_.public_ip) {
      step("asking for the public address", found_.public_ip, [&] {
        return conditions::fetch_public_ip({.url = options_.public_ip_url, .stop = &stop()});
      });
    }
    if (found_.resolution.value) {
      look_at_path();
      if (options_.throughput) measure_throughput();
    }
    if (options_.loaded) measure_under_load();
    found_.interrupted = stop();
  }

 private:
  [[nodiscard]] const std::atomic<bool>& stop() const { return control_.stop(); }

  /// Work that was stopped half way leaves no item behind, unless it gives what it has.
  template <class T, class Work>
  void step(const char* phase, Item<T>& item, Work work) {
    if (stop()) return;
    control_.enter(phase);
    auto outcome = work();
    if (!outcome && stop()) return;
    item = Item<T>(std::move(outcome));
  }

  void look_up() {
    const auto family = options_.address_family == AF_INET    ? os::AddressFamily::v4
                        : options_.address_family == AF_INET6 ? os::AddressFamily::v6
                                                              : os::AddressFamily::any;
    step("looking the name up", found_.resolution, [&]() -> Result<conditions::Resolution> {
      const auto start = os::monotonic_now();
      NETOBS_TRY(addresses, os::resolve(options_.host, 0, family));
      conditions::Resolution resolution;
      if (!is_address(options_.host)) {
        resolution.dns_ns = static_cast<double>((os::monotonic_now() - start).count());
      }
      target_ = addresses.front();
      resolution.address = target_.address_text();
      return resolution;
    });
  }

  void look_at_path() {
    step("looking at the route", found_.local, [&]() -> Result<conditions::LocalAddress> {
      NETOBS_TRY(source, os::source_address_towards(target_));
      return conditions::LocalAddress{source.address_text(),
                                      os::interface_holding(source).value_or("")};
    });
    step("path MTU", found_.path_mtu,
         [&] { return conditions::find_path_mtu(target_, control_.stop()); });
    step("ICMP latency", found_.echo, [&] {
      return conditions::measure_echo({.target = target_,
                                       .count = options_.echoes,
                                       .interval = options_.echo_interval,
                                       .stop = &stop()});
    });
  }

  /// One after the other: two at once would measure each other.
  void measure_throughput() {
    const auto test = [&](const char* phase, Item<conditions::Throughput>& item, bool udp,
                          bool download) {
      step(phase, item, [&] {
        return run_iperf3({.address = address_with_scope(),
                           .port = download ? options_.download_port : options_.upload_port,
                           .udp = udp,
                           .download = download,
                           .time = options_.test_time,
                           .udp_rate_bps = options_.udp_rate_bps},
                          stop());
      });
    };
    test("TCP upload", found_.tcp_upload, false, false);
    test("TCP download", found_.tcp_download, false, true);
    test("UDP upload", found_.udp_upload, true, false);
    test("UDP download", found_.udp_download, true, true);
  }

  /// Last: it is the one item whose throughput tests are meant to disturb a latency run.
  void measure_under_load() {
    auto& loaded = found_.loaded.emplace();
    loaded.time = options_.loaded_time;
    if (!found_.resolution.value || stop()) return;
    measure_loaded({.host = address_with_scope(),
                    .target = target_,
                    .reflector_port = options_.reflector_port,
                    .upload_port = options_.upload_port,
                    .download_port = options_.download_port,
                    .time = options_.loaded_time},
                   control_, loaded);
    control_.end_parts();
  }

  [[nodiscard]] std::string address_with_scope() const {
    // A link-local address means nothing without its interface, which only the host's text has.
    return target_.scope_id != 0 ? options_.host : target_.address_text();
  }

  const CheckOptions& options_;
  RunControl& control_;
  Conditions& found_;
  Endpoint target_;
};

}  // namespace

Result<Conditions> run_check(const CheckOptions& options, RunControl& control) {
  control.enter("opening the store");
  NETOBS_TRY(stores, StoreSet::open(options.stores, options.spool_directory, store_environment()));
  NETOBS_TRY(id, store::make_run_id());
  Conditions found;
  found.id = store::run_id_text(id);
  found.started_at_ns = os::realtime_now().ns;
  found.target = options.host;
  Check(options, control, found).run();
  control.enter("storing");
  stores.add_check(id, found, conditions::check_json(found, options.limits));
  (void)stores.settle();  // counts probe rows; what went wrong is in errors()
  for (const auto& message : stores.errors()) control.tell(message);
  for (const auto& message : stores.finish()) control.tell(message);
  return found;
}

}  // namespace netobs::app
