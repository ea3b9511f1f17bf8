#include "store/writer.hpp"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is POSIX

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "store/schema.hpp"

namespace netobs::store {

Writer::Writer(Factory factory, std::string destination, WriterOptions options)
    : factory_(std::move(factory)),
      destination_(std::move(destination)),
      options_(std::move(options)),
      spool_(options_.spool_directory, destination_) {
  NETOBS_CHECK(options_.batch_rows > 0, "batch_rows {}", options_.batch_rows);
  pending_.records.reserve(options_.batch_rows);
}

Result<std::unique_ptr<Writer>> Writer::start(Factory factory, std::string destination,
                                              WriterOptions options) {
  std::unique_ptr<Writer> writer(
      new Writer(std::move(factory), std::move(destination), std::move(options)));
  std::promise<Result<void>> opened;
  auto outcome = opened.get_future();
  // A connection belongs to the thread that opened it, so the thread opens it.
  writer->thread_ = std::thread([raw = writer.get(), promise = std::move(opened)]() mutable {
    raw->run(std::move(promise));
  });
  if (auto result = outcome.get(); !result) {
    writer->thread_.join();
    return fail(std::move(result).error());
  }
  return writer;
}

Result<std::unique_ptr<Writer>> Writer::start(const StoreUrl& url, const OpenOptions& open_options,
                                              WriterOptions options) {
  return start([url, open_options] { return open_store(url, open_options); }, url.describe(),
               std::move(options));
}

Writer::~Writer() {
  if (thread_.joinable()) finish();
}

// ---- the caller's thread
// -------------------------------------------------------------------------

void Writer::add_probes(std::span<const ProbeRecord> records, std::int64_t run_id) {
  std::unique_lock lock(mutex_);
  run_ids_.insert(run_id);
  while (!records.empty()) {
    if (pending_.run_id != run_id && !pending_.records.empty()) seal(lock);
    pending_.run_id = run_id;
    const std::size_t take =
        std::min(records.size(), options_.batch_rows - pending_.records.size());
    pending_.records.insert(pending_.records.end(), records.begin(),
                            records.begin() + static_cast<std::ptrdiff_t>(take));
    records = records.subspan(take);
    if (pending_.records.size() == options_.batch_rows) seal(lock);
  }
}

/// Hands the pending records to the thread, or, when the queue has no room for long, to the spool.
void Writer::seal(std::unique_lock<std::mutex>& lock) {
  const auto has_room = [&] {
    return queued_rows_ + pending_.records.size() <= options_.queue_rows;
  };
  room_.wait_for(lock, options_.queue_wait, has_room);
  ProbeChunk chunk = std::exchange(pending_, {});
  pending_.records.reserve(options_.batch_rows);
  if (chunk.records.empty()) return;  // the thread took them meanwhile
  if (queued_rows_ + chunk.records.size() <= options_.queue_rows) {
    queued_rows_ += chunk.records.size();
    queue_.emplace_back(std::move(chunk));
    work_.notify_one();
    return;
  }
  lock.unlock();
  Batch scratch;
  spill(as_batch(chunk, scratch));
  lock.lock();
}

void Writer::add_rows(OwnedBatch batch) {
  {
    const std::scoped_lock lock(mutex_);
    // These rows are few, and a run's row has versions that must stay in order: the thread takes
    // them all unless there are absurdly many.
    if (queued_bytes_ + batch.size_bytes() <= options_.queue_bytes) {
      queued_bytes_ += batch.size_bytes();
      queue_.emplace_back(std::move(batch));
      work_.notify_one();
      return;
    }
  }
  spill(batch.view());
}

WriterCounters Writer::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

WriterCounters Writer::settle() {
  if (!thread_.joinable()) return counters();
  std::promise<WriterCounters> reached;
  auto outcome = reached.get_future();
  {
    std::unique_lock lock(mutex_);
    seal(lock);
    queue_.emplace_back(Marker{&reached});
    work_.notify_one();
  }
  return outcome.get();
}

WriterCounters Writer::finish() {
  if (thread_.joinable()) {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      work_.notify_one();
    }
    thread_.join();
  }
  return counters();
}

// ---- the writer's thread
// -------------------------------------------------------------------------

void Writer::run(std::promise<Result<void>> opened) {
  // A server that goes while TLS is writing raises SIGPIPE; here it is to be an error like others.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  auto outcome = open_first();
  const bool usable = outcome.has_value();
  opened.set_value(std::move(outcome));
  if (!usable) return;
  while (true) {
    if (const auto item = next_item()) {
      deliver(*item);
      continue;
    }
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) break;
    }
    if (std::chrono::steady_clock::now() >= next_flush_ && store_ready(false)) (void)flush_step();
  }
  finish_spool();
  store_.reset();
}

Result<void> Writer::open_first() {
  const auto waiting = spool_.waiting();
  spool_used_ = !waiting || *waiting > 0;
  if (!waiting) note_error(waiting.error());
  auto opened = factory_();
  if (opened) {
    store_ = std::move(*opened);
    return {};
  }
  if (options_.require_connection || !is_transient(opened.error())) {
    return fail(std::move(opened).error());
  }
  store_failed(opened.error());
  return {};
}

/// The next piece of work, or nothing when there is none for now.
std::optional<Writer::Item> Writer::next_item() {
  std::unique_lock lock(mutex_);
  const auto has_work = [&] { return !queue_.empty() || stopping_; };
  // With rows to send from the spool there is something to do instead of waiting.
  const bool busy = spool_used_ && store_ && std::chrono::steady_clock::now() >= next_flush_;
  if (!busy) work_.wait_for(lock, options_.flush_interval, has_work);
  if (!queue_.empty()) {
    Item item = std::move(queue_.front());
    queue_.pop_front();
    if (const auto* chunk = std::get_if<ProbeChunk>(&item)) queued_rows_ -= chunk->records.size();
    if (const auto* rows = std::get_if<OwnedBatch>(&item)) queued_bytes_ -= rows->size_bytes();
    room_.notify_one();
    return item;
  }
  if (pending_.records.empty()) return std::nullopt;
  ProbeChunk chunk = std::exchange(pending_, {});
  pending_.records.reserve(options_.batch_rows);
  return Item(std::move(chunk));
}

void Writer::deliver(const Item& item) {
  if (const auto* marker = std::get_if<Marker>(&item)) {
    finish_spool();
    marker->reached->set_value(counters());
  } else if (const auto* chunk = std::get_if<ProbeChunk>(&item)) {
    deliver_probes(*chunk);
  } else {
    deliver_rows(std::get<OwnedBatch>(item).view());
  }
}

void Writer::deliver_probes(const ProbeChunk& chunk) {
  const Batch& batch = as_batch(chunk, cells_);
  if (!write_to_store(batch)) spill(batch);
}

void Writer::deliver_rows(const Batch& batch) {
  bool behind = false;
  {
    const std::scoped_lock lock(mutex_);
    behind = spool_used_;
  }
  // An older version of the same row may wait in the spool; sent later it would win.
  if (behind || !write_to_store(batch)) spill(batch);
}

bool Writer::write_to_store(const Batch& batch) {
  if (!store_ready(false)) return false;
  if (const auto outcome = store_->write(batch); !outcome) {
    store_failed(outcome.error());
    return false;
  }
  if (batch.table == &probes_table()) {
    const std::scoped_lock lock(mutex_);
    counters_.rows_written += batch.rows();
  }
  return true;
}

/// Reopens a store that failed, not more often than the pauses allow, or at once with `now`.
bool Writer::store_ready(bool now) {
  if (store_) return true;
  if (!now && std::chrono::steady_clock::now() < next_try_) return false;
  auto opened = factory_();
  if (!opened) {
    store_failed(opened.error());
    return false;
  }
  store_ = std::move(*opened);
  pause_ = {};
  return true;
}

void Writer::store_failed(const Error& error) {
  note_error(error);
  store_.reset();
  pause_ = pause_.count() == 0 ? options_.retry_first : std::min(pause_ * 2, options_.retry_last);
  next_try_ = std::chrono::steady_clock::now() + pause_;
}

/// Sends some rows from the spool. False when there is nothing left or something is in the way.
bool Writer::flush_step() {
  {
    const std::scoped_lock lock(mutex_);
    if (!spool_used_) return false;
    // Cleared before the look, so that a row spilled during it is seen next time.
    spool_used_ = false;
  }
  const auto again = [&](bool progress) {
    const std::scoped_lock lock(mutex_);
    spool_used_ = true;
    return progress;
  };
  const auto spool_failed = [&](const Error& error) {
    note_error(error);
    next_flush_ = std::chrono::steady_clock::now() + options_.retry_last;
    return again(false);
  };
  const auto rows = spool_.read_some();
  if (!rows) return spool_failed(rows.error());
  if (rows->rows() == 0) return false;
  if (const auto sent = store_->write(rows->view()); !sent) {
    store_failed(sent.error());
    return again(false);
  }
  // Rows that cannot be erased count as waiting: they will be sent again, to no effect.
  if (const auto erased = spool_.erase(rows->view()); !erased) return spool_failed(erased.error());
  count_sent(rows->view());
  return again(true);
}

void Writer::count_sent(const Batch& batch) {
  if (batch.table != &probes_table()) return;
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch.cells.size(); i += probe_column_count) {
    if (!run_ids_.contains(batch.cells[i].integer)) {
      ++counters_.rows_recovered;
    } else if (counters_.rows_spilled > 0) {
      --counters_.rows_spilled;
      ++counters_.rows_written;
    }
  }
}

void Writer::finish_spool() {
  if (store_ready(true)) {
    while (flush_step()) {
    }
  }
  std::uint64_t waiting = 0;
  bool known = true;
  for (const std::int64_t run_id : run_ids_) {
    const auto rows = spool_.waiting_probes(run_id);
    if (!rows) known = false;
    waiting += rows.value_or(0);
  }
  if (known) {
    // Another process may have sent rows of ours: what no longer waits is in the store.
    const std::scoped_lock lock(mutex_);
    const auto spilled = std::exchange(counters_.rows_spilled, waiting);
    if (spilled > waiting) counters_.rows_written += spilled - waiting;
  }
  spool_.close();
}

// ---- either thread
// -------------------------------------------------------------------------------

const Batch& Writer::as_batch(const ProbeChunk& chunk, Batch& scratch) const {
  scratch.table = &probes_table();
  scratch.cells.clear();
  scratch.cells.reserve(chunk.records.size() * probe_column_count);
  for (const auto& record : chunk.records) append_probe(scratch.cells, chunk.run_id, record);
  return scratch;
}

void Writer::spill(const Batch& batch) {
  const auto kept = spool_.add(batch);
  if (!kept) note_error(kept.error());
  const bool probes = batch.table == &probes_table();
  const std::scoped_lock lock(mutex_);
  if (kept) {
    spool_used_ = true;
    if (probes) counters_.rows_spilled += batch.rows();
  } else {
    (probes ? counters_.rows_lost : counters_.other_rows_lost) += batch.rows();
  }
}

void Writer::note_error(const Error& error) {
  const std::scoped_lock lock(mutex_);
  counters_.last_error = error.message();
}

}  // namespace netobs::store
