#include "app/replay/capture_files.hpp"

#include <algorithm>
#include <utility>

namespace netobs::app {

Result<std::optional<std::int64_t>> first_time(const std::string& path) {
  NETOBS_TRY(reader, CaptureReader::open(path));
  NETOBS_TRY(packet, reader.next());
  return packet ? std::optional(packet->ns) : std::nullopt;
}

Result<CaptureFiles> CaptureFiles::open(std::vector<std::string> paths, capture::Vantage vantage) {
  CaptureFiles files(std::move(paths), vantage);
  if (files.paths_.size() > 1) NETOBS_TRY_VOID(files.sort_by_time());
  NETOBS_TRY_VOID(files.open_next());
  if (files.paths_.size() == 1) files.bytes_ = files.reader_->file_size();
  return files;
}

Result<void> CaptureFiles::sort_by_time() {
  std::vector<std::pair<std::int64_t, std::string>> timed;
  std::uint64_t bytes = 0;
  for (auto& path : paths_) {
    NETOBS_TRY(reader, CaptureReader::open(path));
    NETOBS_TRY(packet, reader.next());
    bytes += reader.file_size().value_or(0);
    timed.emplace_back(packet ? packet->ns : 0, std::move(path));
  }
  std::ranges::stable_sort(timed, {}, &std::pair<std::int64_t, std::string>::first);
  for (std::size_t i = 0; i < timed.size(); ++i) paths_[i] = std::move(timed[i].second);
  bytes_ = bytes;
  return {};
}

Result<void> CaptureFiles::open_next() {
  NETOBS_TRY(reader, CaptureReader::open(paths_[opened_]));
  ++opened_;
  reader_.emplace(std::move(reader));
  return {};
}

Result<std::optional<CapturedPacket>> CaptureFiles::next() {
  while (true) {
    if (!reader_) return std::optional<CapturedPacket>();
    auto packet = reader_->next();
    if (!packet || *packet) return packet;
    finished_.push_back(describe(*reader_));
    bytes_finished_ += reader_->bytes_read();
    reader_.reset();
    if (opened_ < paths_.size()) NETOBS_TRY_VOID(open_next());
  }
}

capture::CaptureFile CaptureFiles::describe(const CaptureReader& reader) const {
  return {.path = reader.path(),
          .link = reader.link_description(),
          .packets = reader.packets(),
          .snap_length = reader.snap_length(),
          .resolution_ns = reader.resolution_ns(),
          .vantage = vantage_,
          .ended_early = reader.ended_early()};
}

std::vector<capture::CaptureFile> CaptureFiles::describe() const {
  auto files = finished_;
  if (reader_) files.push_back(describe(*reader_));
  return files;
}

std::uint64_t CaptureFiles::bytes_read() const {
  return bytes_finished_ + (reader_ ? reader_->bytes_read() : 0);
}

}  // namespace netobs::app
