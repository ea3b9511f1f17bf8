#include "store/conditions_row.hpp"

#include "store/schema.hpp"

namespace netobs::store {
namespace {

using conditions::EchoSeries;
using conditions::Throughput;

Cell cell(const std::optional<double>& value) {
  return value ? Cell::of_real(*value) : Cell::null();
}
template <class Whole>
Cell whole(const std::optional<Whole>& value) {
  return value ? Cell::of(static_cast<std::int64_t>(*value)) : Cell::null();
}
/// Names are cut, not refused: the document has them in full.
Cell text(std::string_view value) {
  return value.empty() ? Cell::null() : Cell::of_text(value.substr(0, max_condition_bytes));
}

void add_echo(OwnedBatch& batch, const std::optional<EchoSeries>& echo) {
  if (!echo) {
    for (std::size_t i = 0; i < 10; ++i) batch.add(Cell::null());
    return;
  }
  batch.add(Cell::of(static_cast<std::int64_t>(echo->sent)));
  batch.add(Cell::of(static_cast<std::int64_t>(echo->received)));
  batch.add(whole(echo->rtt.min()));
  batch.add(cell(echo->rtt.mean()));
  for (const auto quantile : {stats::p50, stats::p90, stats::p99, stats::p99_9}) {
    batch.add(whole(echo->rtt.quantile(quantile)));
  }
  batch.add(whole(echo->rtt.max()));
  batch.add(cell(echo->jitter_ns));
}

void add_common(OwnedBatch& batch, const Throughput& test) {
  batch.add(Cell::of_real(test.sent_bps));
  batch.add(Cell::of_real(test.received_bps));
  batch.add(cell(test.local_cpu_percent));
  batch.add(cell(test.remote_cpu_percent));
}

void add_tcp(OwnedBatch& batch, const std::optional<Throughput>& test) {
  if (!test) {
    for (std::size_t i = 0; i < 5; ++i) batch.add(Cell::null());
    return;
  }
  add_common(batch, *test);
  batch.add(whole(test->retransmits));
}

void add_udp(OwnedBatch& batch, const std::optional<Throughput>& test) {
  if (!test) {
    for (std::size_t i = 0; i < 7; ++i) batch.add(Cell::null());
    return;
  }
  add_common(batch, *test);
  batch.add(cell(test->jitter_ns));
  batch.add(whole(test->packets));
  batch.add(whole(test->lost));
}

}  // namespace

OwnedBatch to_rows(std::int64_t id, const conditions::Conditions& found,
                   std::string_view document) {
  OwnedBatch batch(udp_metrics_table());
  const auto& resolution = found.resolution.value;
  const auto& local = found.local.value;
  batch.add(Cell::of(id));
  batch.add(Cell::of(found.started_at_ns));
  batch.add(Cell::of_text(std::string_view(found.target).substr(0, max_condition_bytes)));
  batch.add(text(resolution ? resolution->address : ""));
  batch.add(text(local ? local->address : ""));
  batch.add(text(local ? local->interface : ""));
  batch.add(text(found.public_ip.value ? *found.public_ip.value : ""));
  batch.add(cell(resolution ? resolution->dns_ns : std::nullopt));
  batch.add(found.path_mtu.value ? Cell::of(found.path_mtu.value->bytes) : Cell::null());
  batch.add(whole(found.hops()));
  add_echo(batch, found.echo.value);
  add_tcp(batch, found.tcp_upload.value);
  add_tcp(batch, found.tcp_download.value);
  add_udp(batch, found.udp_upload.value);
  add_udp(batch, found.udp_download.value);
  batch.add(Cell::of_text(document));
  return batch;
}

}  // namespace netobs::store
