// The Net Obs TLV: a reply that parses is written again to one that says the same.

#include <vector>

#include "core/wire/netobs_tlv.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = fuzz::input(data, size);
  (void)wire::parse_netobs_request(value);
  const auto reply = wire::parse_netobs_reply(value);
  if (!reply) return 0;
  // An entry may have been sent wide without need; never the reverse: the original size suffices.
  std::vector<std::byte> again(value.size());
  wire::NetobsReplyWriter writer(again, reply->status);
  for (const auto& entry : reply->entries()) {
    NETOBS_CHECK(writer.add(entry), "entry of {} points", entry.points.bits());
  }
  const auto second = wire::parse_netobs_reply(again);
  NETOBS_CHECK(second && second->entry_count == reply->entry_count &&
                   second->entry_slots == reply->entry_slots && second->status == reply->status,
               "{} entries", reply->entry_count);
  return 0;
}
