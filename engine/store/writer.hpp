#pragma once
// The thread between the measurement and one store. Adding rows never waits for the store: when it
// is slow or gone, rows go to the spool and are sent when it is back, at finish(), or by a later
// run.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "core/layer/record.hpp"
#include "store/open.hpp"
#include "store/row.hpp"
#include "store/spool.hpp"
#include "store/store.hpp"

namespace netobs::store {

struct WriterOptions {
  std::string spool_directory;           ///< empty = no spool: what the store does not take is lost
  std::size_t queue_rows = 65536;        ///< probe rows that may wait in memory
  std::size_t queue_bytes = 64U << 20U;  ///< the same for rows of the other tables, in bytes
  std::size_t batch_rows = 4096;         ///< probe rows per transaction
  bool require_connection = true;        ///< false: spool when the store is away at the start
  std::chrono::milliseconds queue_wait{10};       ///< how long add_probes() waits for room at most
  std::chrono::milliseconds flush_interval{250};  ///< an incomplete batch is written after this
  std::chrono::milliseconds retry_first{200};     ///< pause before the first try to reopen,
  std::chrono::milliseconds retry_last{10'000};   ///< doubled up to this
};

/// Of probe rows added to this writer; written + spilled + lost = added, once finish() is through.
struct WriterCounters {
  std::uint64_t rows_written = 0;     ///< committed in the store
  std::uint64_t rows_spilled = 0;     ///< waiting in the spool
  std::uint64_t rows_lost = 0;        ///< neither took them; last_error says why
  std::uint64_t rows_recovered = 0;   ///< of earlier runs, sent from the spool by this writer
  std::uint64_t other_rows_lost = 0;  ///< rows of the other tables that neither took
  std::string last_error;             ///< empty when nothing ever failed
};

/// One destination and its thread. add_*() and finish() are called by one thread, counters() by
/// any.
class Writer {
 public:
  using Factory = std::function<Result<std::unique_ptr<Store>>()>;

  /// Opens the store on the new thread and waits for the outcome. A store that can never work
  /// (is_transient() false) fails the start; one that is away does so when require_connection.
  [[nodiscard]] static Result<std::unique_ptr<Writer>> start(Factory factory,
                                                             std::string destination,
                                                             WriterOptions options);
  [[nodiscard]] static Result<std::unique_ptr<Writer>> start(const StoreUrl& url,
                                                             const OpenOptions& open_options,
                                                             WriterOptions options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Copies the records. Waits up to queue_wait, and, with the queue still full, for one
  /// transaction of the local spool.
  void add_probes(std::span<const ProbeRecord> records, std::int64_t run_id);
  /// Rows of any other table.
  void add_rows(OwnedBatch batch);
  [[nodiscard]] WriterCounters counters() const;
  /// Waits until everything added so far is in the store or in the spool, having sent what waits
  /// there if the store is back. What it returns is final for those rows unless finish() finds the
  /// store back later.
  WriterCounters settle();
  /// Writes everything that was added, sends what waits in the spool if the store is there, and
  /// ends the thread. Later calls return the same counters.
  WriterCounters finish();
  [[nodiscard]] const std::string& destination() const { return destination_; }

 private:
  struct ProbeChunk {
    std::int64_t run_id = 0;
    std::vector<ProbeRecord> records;
  };
  /// Reached in the queue: everything before it has been delivered. Borrowed from the waiting
  /// caller.
  struct Marker {
    std::promise<WriterCounters>* reached;
  };
  using Item = std::variant<ProbeChunk, OwnedBatch, Marker>;

  Writer(Factory factory, std::string destination, WriterOptions options);

  // The caller's thread.
  void seal(std::unique_lock<std::mutex>& lock);
  // The writer's thread.
  void run(std::promise<Result<void>> opened);
  [[nodiscard]] Result<void> open_first();
  [[nodiscard]] std::optional<Item> next_item();
  void deliver(const Item& item);
  void deliver_probes(const ProbeChunk& chunk);
  void deliver_rows(const Batch& batch);
  [[nodiscard]] bool write_to_store(const Batch& batch);
  [[nodiscard]] bool store_ready(bool now);
  void store_failed(const Error& error);
  [[nodiscard]] bool flush_step();
  void finish_spool();
  // Either thread.
  [[nodiscard]] const Batch& as_batch(const ProbeChunk& chunk, Batch& scratch) const;
  void spill(const Batch& batch);
  void note_error(const Error& error);
  void count_sent(const Batch& batch);

  Factory factory_;
  std::string destination_;
  WriterOptions options_;
  Spool spool_;

  mutable std::mutex mutex_;  // guards everything up to the thread's own state
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<Item> queue_;
  ProbeChunk pending_;
  std::size_t queued_rows_ = 0;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;
  bool spool_used_ = false;  // rows may wait in the spool
  WriterCounters counters_;
  std::set<std::int64_t> run_ids_;

  // The thread's own.
  std::unique_ptr<Store> store_;
  std::chrono::steady_clock::time_point next_try_;
  std::chrono::milliseconds pause_{0};
  std::chrono::steady_clock::time_point next_flush_;  // later than now when the spool itself failed
  Batch cells_;

  std::thread thread_;
};

}  // namespace netobs::store
