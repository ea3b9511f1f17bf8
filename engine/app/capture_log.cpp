#include "app/capture_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/serial.hpp"
#include "core/capture/record_comment.hpp"
#include "core/report/format.hpp"

namespace netobs::app {
namespace {

constexpr std::size_t ring_slots = 4096;
constexpr std::size_t batch_slots = 64;
/// Packets wait for their records; the records of a run close within its timeout. More than this
/// and the oldest are written without a comment.
constexpr std::size_t most_waiting_bytes = std::size_t{64} << 20U;
constexpr std::size_t most_records = 65'536;

}  // namespace

CaptureLog::CaptureLog() : ring_(ring_slots), batch_(batch_slots) {}

void CaptureLog::take(const CapturedPacket& packet, const HookEvent& event) {
  const auto bytes = packet.bytes.first(std::min<std::size_t>(packet.bytes.size(), snap_bytes));
  incoming_.ns = packet.ns;
  incoming_.original_size = packet.original_size;
  incoming_.captured = static_cast<std::uint32_t>(bytes.size());
  incoming_.reply = info(event.point).direction == Direction::rx;
  incoming_.sequence = incoming_.reply ? event.sender_sequence : event.sequence;
  incoming_.ssid = event.ssid;
  incoming_.link = packet.link;
  std::ranges::copy(bytes, incoming_.bytes.begin());
  if (!ring_.push(incoming_)) lost_.fetch_add(1, std::memory_order_relaxed);
}

Result<void> CaptureLog::open(const CaptureRequest& request, const Session& session) {
  session_ = session;
  // The warm-up's packets tell what kind of link it is; they are no part of the run.
  auto link = capture::LinkType::ethernet;
  while (const auto count = ring_.pop(batch_)) link = batch_[count - 1].link;
  NETOBS_TRY(file,
             CaptureFile::open(
                 {.path = request.path,
                  .most_bytes = request.most_bytes,
                  .most_files = request.most_files,
                  .section = {.hardware = "", .os = "Linux", .application = session.application},
                  .interfaces = {{.link = link,
                                  .snap_length = snap_bytes,
                                  .name = session.interface,
                                  .description = session.command_line,
                                  .filter = ""}}}));
  file_.emplace(std::move(file));
  return {};
}

void CaptureLog::gather() {
  while (const auto count = ring_.pop(batch_)) {
    for (const auto& slot : std::span(batch_).first(count)) collect(slot);
  }
  write_ready(false);
}

void CaptureLog::collect(const Slot& slot) {
  const bool ours = slot.ssid == session_->ssid || (slot.reply && slot.ssid == 0);
  if (!ours) return;
  Frame frame;
  frame.ns = slot.ns;
  frame.original_size = slot.original_size;
  frame.probe = unwrap_serial(slot.sequence - session_->first_sequence, next_record_);
  frame.reply = slot.reply;
  frame.bytes.assign(slot.bytes.begin(), slot.bytes.begin() + slot.captured);
  if (first_ns_ == 0) first_ns_ = slot.ns;
  last_ns_ = slot.ns;
  waiting_bytes_ += frame.bytes.size();
  waiting_.push_back(std::move(frame));
}

void CaptureLog::keep(std::span<const ProbeRecord> records) {
  for (const auto& record : records) {
    if (record.sequence != next_record_) closed_.clear();
    closed_.push_back(record);
    next_record_ = record.sequence + 1;
    if (closed_.size() > most_records) closed_.pop_front();
  }
  gather();
}

const ProbeRecord* CaptureLog::record_of(std::uint64_t probe) const {
  if (closed_.empty() || probe < closed_.front().sequence) return nullptr;
  const auto at = probe - closed_.front().sequence;
  return at < closed_.size() ? &closed_[at] : nullptr;
}

/// In the order in which they were captured, which is that of a capture.
void CaptureLog::write_ready(bool everything) {
  while (!waiting_.empty()) {
    const auto& frame = waiting_.front();
    const bool full = waiting_bytes_ > most_waiting_bytes;
    if (frame.probe >= next_record_ && !everything && !full) return;
    write(frame, everything);
    waiting_bytes_ -= frame.bytes.size();
    waiting_.pop_front();
  }
}

void CaptureLog::write(const Frame& frame, bool ended) {
  const auto* record = record_of(frame.probe);
  std::string comment;
  if (record != nullptr) {
    comment = capture::comment_of(*record, frame.reply);
  } else if (ended && frame.probe >= next_record_) {
    comment = "netobs: not measured, fetches the reflector's last reports";
  } else {
    ++uncommented_;
  }
  note(file_->write(
      {.interface_id = 0,
       .ns = frame.ns,
       .original_size = frame.original_size,
       .bytes = frame.bytes,
       .direction = frame.reply ? capture::Direction::incoming : capture::Direction::outgoing,
       .comment = comment}));
}

void CaptureLog::note(const Result<void>& outcome) {
  if (!outcome) troubles_.push_back(outcome.error().brief());
}

void CaptureLog::finish(std::uint64_t dropped) {
  if (!file_) return;
  gather();
  write_ready(true);
  const auto lost = lost_.load(std::memory_order_relaxed);
  file_->set_statistics(0, {.start_ns = first_ns_,
                            .end_ns = last_ns_,
                            .received = file_->written() + file_->not_written() + lost,
                            .dropped = dropped + lost});
  note(file_->finish());
  const auto tell = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) troubles_.push_back(fmt::format("{} {}", report::grouped(count), what));
  };
  tell(lost, "packets are not in the capture: the record thread did not keep up; lower the rate");
  tell(file_->not_written(), "packets are not in the capture: it could not be written");
  tell(uncommented_,
       "packets in the capture have no comment: their records closed much earlier or later");
}

std::string CaptureLog::description() const {
  const auto& files = file_->files();
  const auto packets = fmt::format("{} packets", report::grouped(file_->written()));
  if (file_->removed_files() > 0) {
    return fmt::format(
        "{}, of which the last {} files are left, up to {} (--write-files keeps more)", packets,
        files.size(), files.back());
  }
  if (files.size() == 1) return fmt::format("{} in {}", packets, files.front());
  return fmt::format("{} in {} files, up to {}", packets, files.size(), files.back());
}

}  // namespace netobs::app
