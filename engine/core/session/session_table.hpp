#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/time.hpp"

namespace netobs {

/// Where an element of a KeyedTable is. Stays valid as a question: an element that has gone, or
/// whose place has been taken by another, is simply not found any more.
struct TableHandle {
  std::uint32_t index = 0xffffffff;
  std::uint32_t generation = 0;

  friend bool operator==(const TableHandle&, const TableHandle&) = default;
};

/// A hash table of fixed capacity that knows which element was used longest ago. Keys come from the
/// network: the hash is seeded, and a full table refuses instead of growing. All memory is taken on
/// construction. Hash: callable (seed, key) -> std::uint64_t.
template <class Key, class Value, class Hash>
class KeyedTable {
 public:
  /// capacity: elements, 1 to 2^24. seed: unpredictable to peers, so that they cannot pick
  /// collisions.
  KeyedTable(std::size_t capacity, std::uint64_t seed) : nodes_(capacity), seed_(seed) {
    NETOBS_CHECK(capacity >= 1 && capacity <= (1U << 24U), "capacity {}", capacity);
    std::size_t buckets = 1;
    while (buckets < capacity * 2) buckets *= 2;
    buckets_.assign(buckets, none);
    for (std::size_t i = capacity; i-- > 0;) push_free(static_cast<std::uint32_t>(i));
  }

  [[nodiscard]] std::optional<TableHandle> find(const Key& key) const {
    for (auto i = buckets_[bucket(key)]; i != none; i = nodes_[i].chain) {
      if (nodes_[i].key == key) return handle(i);
    }
    return std::nullopt;
  }

  /// A new element with a default value, as the most recently used. Nothing when full. The key must
  /// not be in the table.
  [[nodiscard]] std::optional<TableHandle> insert(const Key& key, MonotonicTime now) {
    if (free_ == none) return std::nullopt;
    const auto i = free_;
    Node& node = nodes_[i];
    free_ = node.chain;
    node.key = key;
    node.value = Value{};
    node.live = true;
    node.last_used = now;
    auto& head = buckets_[bucket(key)];
    node.chain = head;
    head = i;
    link_newest(i);
    ++size_;
    return handle(i);
  }

  /// The element, or null when it has gone. Valid until the next insert or erase.
  [[nodiscard]] Value* get(TableHandle at) { return valid(at) ? &nodes_[at.index].value : nullptr; }
  /// The element's key. The handle must be valid.
  [[nodiscard]] const Key& key(TableHandle at) const { return checked(at).key; }
  [[nodiscard]] MonotonicTime last_used(TableHandle at) const { return checked(at).last_used; }

  void touch(TableHandle at, MonotonicTime now) {
    (void)checked(at);
    nodes_[at.index].last_used = now;
    unlink(at.index);
    link_newest(at.index);
  }

  void erase(TableHandle at) {
    (void)checked(at);
    Node& node = nodes_[at.index];
    auto* link = &buckets_[bucket(node.key)];
    while (*link != at.index) link = &nodes_[*link].chain;
    *link = node.chain;
    unlink(at.index);
    node.value = Value{};  // gives back what the value owns
    node.live = false;
    ++node.generation;
    push_free(at.index);
    --size_;
  }

  [[nodiscard]] std::optional<TableHandle> least_recently_used() const {
    if (oldest_ == none) return std::nullopt;
    return handle(oldest_);
  }

  /// function(key, value) for every element, in no particular order.
  template <class F>
  void for_each(F&& function) const {
    for (const Node& node : nodes_) {
      if (node.live) function(node.key, node.value);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return nodes_.size(); }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct Node {
    Key key{};
    Value value{};
    MonotonicTime last_used;
    std::uint32_t chain = none;  // next in the bucket, or next free
    std::uint32_t older = none;
    std::uint32_t newer = none;
    std::uint32_t generation = 0;
    bool live = false;
  };

  [[nodiscard]] std::size_t bucket(const Key& key) const {
    return static_cast<std::size_t>(Hash{}(seed_, key)) & (buckets_.size() - 1);
  }
  [[nodiscard]] TableHandle handle(std::uint32_t i) const { return {i, nodes_[i].generation}; }
  [[nodiscard]] bool valid(TableHandle at) const {
    return at.index < nodes_.size() && nodes_[at.index].live &&
           nodes_[at.index].generation == at.generation;
  }
  [[nodiscard]] const Node& checked(TableHandle at) const {
    NETOBS_CHECK(valid(at), "stale handle {} generation {}", at.index, at.generation);
    return nodes_[at.index];
  }
  void push_free(std::uint32_t i) {
    nodes_[i].chain = free_;
    free_ = i;
  }
  void unlink(std::uint32_t i) {
    const Node& node = nodes_[i];
    (node.older == none ? oldest_ : nodes_[node.older].newer) = node.newer;
    (node.newer == none ? newest_ : nodes_[node.newer].older) = node.older;
  }
  void link_newest(std::uint32_t i) {
    nodes_[i].older = newest_;
    nodes_[i].newer = none;
    (newest_ == none ? oldest_ : nodes_[newest_].newer) = i;
    newest_ = i;
  }

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> buckets_;
  std::uint64_t seed_;
  std::size_t size_ = 0;
  std::uint32_t free_ = none;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
};

}  // namespace netobs
