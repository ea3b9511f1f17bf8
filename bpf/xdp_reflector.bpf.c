// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A stateless STAMP session-reflector (RFC 8762 4.3, unauthenticated) inside the XDP hook: it turns
// a request round in place and sends it back by XDP_TX. Checksums are updated, not computed, so
// that what was damaged on the way stays damaged.
#include "xdp_packet.h"

enum {
  BASE_BYTES = 44,
  TLV_HEADER_BYTES = 4,
  MOST_TLVS = 4,
  TLV_FLAG_UNRECOGNISED = 0x80,
  TLV_NETOBS = 250,
  NETOBS_HEADER_BYTES = 24,
  NETOBS_REPLY_FLAGS = 0x03,  // a reply; T2 and T3 are the points of this program
  NETOBS_POINTS_HERE = 1 << NETOBS_XDP_RX | 1 << NETOBS_XDP_TX,
  MULTIPLIER_OFFSET = 13,  // of the error estimate; 0 makes it mean nothing
  FULL_TTL = 255,
  LONGEST_DATAGRAM = 1500,
};
#define NTP_UNIX_OFFSET_S 2208988800ULL
#define NS_PER_S 1000000000ULL

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct netobs_xdp_settings);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct netobs_xdp_reflector_counters);
} reflector_counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1024);
  __type(key, struct netobs_prefix);
  __type(value, __u8);
} allowed SEC(".maps");

// When a source has used up what it has sent so far (a virtual schedule, ITU-T I.371). The least
// recently seen make room for new ones.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 65536);
  __type(key, __u32[4]);
  __type(value, __u64);
} sources SEC(".maps");

static __always_inline __u16 fold(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

static __always_inline __u64 to_ntp(__u64 realtime_ns) {
  const __u64 seconds = realtime_ns / NS_PER_S;
  const __u64 fraction = (realtime_ns % NS_PER_S << 32) / NS_PER_S;
  return (seconds + NTP_UNIX_OFFSET_S) << 32 | fraction;
}

static __always_inline bool source_is_allowed(const struct xdp_packet* packet) {
  if (!config.has_allow_list) return true;
  struct netobs_prefix key = {.bits = 128};
  __builtin_memcpy(key.address, packet->peer, sizeof(key.address));
  return bpf_map_lookup_elem(&allowed, &key) != NULL;
}

// Processors that see the same source at once may let a packet more through.
static __always_inline bool within_rate(const struct xdp_packet* packet, __u64 now) {
  if (!config.nanoseconds_per_packet) return true;
  __u32 source[4];
  __builtin_memcpy(source, packet->peer, sizeof(source));
  if (!packet->v4) {  // an IPv6 host has a whole /64 to choose from
    source[2] = 0;
    source[3] = 0;
  }
  __u64* used_up = bpf_map_lookup_elem(&sources, source);
  if (!used_up) {
    const __u64 first = now + config.nanoseconds_per_packet;
    bpf_map_update_elem(&sources, source, &first, BPF_ANY);
    return true;
  }
  // Further ahead than any burst: the clock has been set back, and the source is not to blame.
  const bool clock_was_set = *used_up > now + config.burst_nanoseconds + NS_PER_S;
  const __u64 from = *used_up > now && !clock_was_set ? *used_up : now;
  if (from + config.nanoseconds_per_packet > now + config.burst_nanoseconds) return false;
  *used_up = from + config.nanoseconds_per_packet;
  return true;
}

// From ourselves, which never comes in from outside: the stack refuses it behind this hook.
static __always_inline bool claims_to_be_us(const struct xdp_packet* packet) {
  if (same_address(packet->peer, packet->local)) return true;
  if (packet->v4) return bpf_ntohl(packet->peer[3]) >> 24 == 127;
  return !packet->peer[0] && !packet->peer[1] && !packet->peer[2] &&
         packet->peer[3] == bpf_htonl(1);
}

static __always_inline bool has_error_estimate(void* data, void* end,
                                               const struct xdp_packet* packet) {
  const __u32 offset = opaque(packet->udp_offset);
  if (offset > LARGEST_OFFSET) return false;
  const __u8* multiplier = data + offset + sizeof(struct udphdr) + MULTIPLIER_OFFSET;
  return (void*)(multiplier + 1) <= end && *multiplier != 0;
}

// False: not answered, and counted as what. In the order of core/session/reflector.
static __always_inline bool may_be_answered(struct xdp_md* ctx, const struct xdp_packet* packet,
                                            __u64 now,
                                            struct netobs_xdp_reflector_counters* counters) {
  void* data = (void*)(long)ctx->data;
  void* end = (void*)(long)ctx->data_end;
  __u64* reason = NULL;
  if (packet->peer_port == 0 || claims_to_be_us(packet))
    reason = &counters->bad_source;
  else if (packet->peer_port == config.local_port && !config.answer_own_port)
    reason = &counters->own_port;
  else if (!source_is_allowed(packet))
    reason = &counters->not_allowed;
  else if (packet->udp_bytes < sizeof(struct udphdr) + BASE_BYTES)
    reason = &counters->too_short;
  else if (!has_error_estimate(data, end, packet))
    reason = &counters->bad_error_estimate;
  else if (!within_rate(packet, now))
    reason = &counters->rate_limited;
  if (!reason) return true;
  ++*reason;
  return false;
}

// Writes the base of the reply over that of the request. Returns the checksum's new running sum.
static __always_inline __u32 write_base(__u32* base, __u64 t2_ns, __u8 ttl,
                                        const struct netobs_xdp_settings* now, __u32 sum) {
  __u32 before[BASE_BYTES / 4];
  __u32 after[BASE_BYTES / 4];
  __builtin_memcpy(before, base, sizeof(before));
  __builtin_memset(after, 0, sizeof(after));
  // Read once: T2 and T3 of one packet stay on one scale.
  const __u64 offset_ns = *(const volatile __u64*)&now->realtime_offset_ns;
  const __u64 t2 = to_ntp(t2_ns + offset_ns);
  after[0] = before[0];  // stateless: the sender's own sequence
  after[3] = bpf_htonl((__u32)now->error_estimate << 16) | (before[3] & bpf_htonl(0xffff));
  after[4] = bpf_htonl(t2 >> 32);
  after[5] = bpf_htonl(t2 & 0xffffffff);
  after[6] = before[0];
  after[7] = before[1];
  after[8] = before[2];
  after[9] = before[3] & bpf_htonl(0xffff0000);
  after[10] = bpf_htonl((__u32)ttl << 24);
  const __u64 t3 = to_ntp(now_ns() + offset_ns);
  after[1] = bpf_htonl(t3 >> 32);
  after[2] = bpf_htonl(t3 & 0xffffffff);
  __builtin_memcpy(base, after, sizeof(after));
  return bpf_csum_diff(before, sizeof(before), after, sizeof(after), sum);
}

// Answers the Net Obs TLV that begins at `tlv`, which holds a request.
static __always_inline __u32 answer_tlv(__u32* tlv, __u32 sum) {
  __u32 before[(TLV_HEADER_BYTES + NETOBS_HEADER_BYTES) / 4];
  __u32 after[(TLV_HEADER_BYTES + NETOBS_HEADER_BYTES) / 4];
  __builtin_memcpy(before, tlv, sizeof(before));
  __builtin_memset(after, 0, sizeof(after));
  after[0] = before[0] & bpf_htonl(0x00ffffff);  // known: no flags
  after[1] = before[1];                          // magic
  after[2] = (before[2] & bpf_htonl(0xff000000)) | bpf_htonl(NETOBS_REPLY_FLAGS << 16);
  after[3] = bpf_htonl(NETOBS_POINTS_HERE << 16 | NETOBS_POINTS_HERE);
  after[4] = bpf_htonl(config.clock_identity >> 32);
  after[5] = bpf_htonl(config.clock_identity & 0xffffffff);
  __builtin_memcpy(tlv, after, sizeof(after));
  return bpf_csum_diff(before, sizeof(before), after, sizeof(after), sum);
}

// Looks for a request of ours among the first TLVs. The others go back as they came, with the flag
// that says that nobody here knows them.
static __always_inline __u32 answer_tlvs(void* data, void* end, const struct xdp_packet* packet,
                                         __u32 sum) {
  const __u32 limit = packet->udp_offset + packet->udp_bytes;
  __u32 offset = packet->udp_offset + sizeof(struct udphdr) + BASE_BYTES;
  for (int i = 0; i < MOST_TLVS; ++i) {
    // The checksum is updated in words of 16 bits.
    offset = opaque(offset);
    if (offset > LONGEST_DATAGRAM || (offset - packet->udp_offset) % 2 != 0) return sum;
    __u8* tlv = data + offset;
    if ((void*)(tlv + TLV_HEADER_BYTES) > end || offset + TLV_HEADER_BYTES > limit) return sum;
    const __u32 length = tlv[2] << 8 | tlv[3];
    if (offset + TLV_HEADER_BYTES + length > limit) return sum;
    if (tlv[1] == TLV_NETOBS && length >= NETOBS_HEADER_BYTES) {
      __u32* value = (__u32*)(tlv + TLV_HEADER_BYTES);
      if ((void*)(tlv + TLV_HEADER_BYTES + NETOBS_HEADER_BYTES) > end) return sum;
      // Version 1, and not a reply; a request's other flags are nothing to this program.
      const bool request = value[0] == bpf_htonl(NETOBS_XDP_MAGIC) &&
                           (value[1] & bpf_htonl(0xff010000)) == bpf_htonl(0x01000000);
      return request ? answer_tlv((__u32*)tlv, sum) : sum;
    }
    offset += TLV_HEADER_BYTES + length;
  }
  return sum;
}

// Sum of the pseudo-header: what CHECKSUM_PARTIAL leaves in the field.
static __always_inline __u32 pseudo_header_sum(const struct xdp_packet* packet) {
  __u32 sum = bpf_htons(IPPROTO_UDP) + bpf_htons(packet->udp_bytes);
  if (packet->v4) {
    __u32 addresses[2] = {packet->peer[3], packet->local[3]};
    return bpf_csum_diff(NULL, 0, addresses, sizeof(addresses), sum);
  }
  __u32 addresses[8];
  __builtin_memcpy(addresses, packet->peer, sizeof(packet->peer));
  __builtin_memcpy(addresses + 4, packet->local, sizeof(packet->local));
  return bpf_csum_diff(NULL, 0, addresses, sizeof(addresses), sum);
}

// For a datagram that never met the NIC that should have finished it (veth). Its length is bounded
// before.
static __always_inline __u16 whole_checksum(void* data, void* end,
                                            const struct xdp_packet* packet) {
  __u64 sum = pseudo_header_sum(packet);
  __u32 offset = packet->udp_offset;
  __u32 left = packet->udp_bytes;
  for (int i = 0; i < LONGEST_DATAGRAM / 2 && left >= 2; ++i) {
    offset = opaque(offset);
    if (offset > LARGEST_OFFSET + LONGEST_DATAGRAM) return 0;
    __u16* word = data + offset;
    if ((void*)(word + 1) > end) return 0;
    sum += *word;
    offset += 2;
    left -= 2;
  }
  if (left == 1) {
    offset = opaque(offset);
    if (offset > LARGEST_OFFSET + LONGEST_DATAGRAM) return 0;
    __u8* last = data + offset;
    if ((void*)(last + 1) > end) return 0;
    sum += bpf_htons((__u16)*last << 8);
  }
  const __u16 checksum = ~fold(sum);
  return checksum ? checksum : 0xffff;
}

static __always_inline void swap_macs(struct ethhdr* ethernet) {
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
  __builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
}

// False: the header was damaged on the way, which the stack shall find out.
static __always_inline bool turn_v4(void* data, void* end, __u32 offset, __u8* ttl) {
  offset = opaque(offset);
  if (offset > LARGEST_OFFSET) return false;
  struct iphdr* ip = data + offset;
  if ((void*)(ip + 1) > end) return false;
  if (fold(bpf_csum_diff(NULL, 0, (__be32*)ip, sizeof(*ip), 0)) != 0xffff) return false;
  *ttl = ip->ttl;
  const __be32 source = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = source;
  ip->ttl = FULL_TTL;
  ip->check = 0;
  ip->check = ~fold(bpf_csum_diff(NULL, 0, (__be32*)ip, sizeof(*ip), 0));
  return true;
}

static __always_inline bool turn_v6(void* data, void* end, __u32 offset, __u8* ttl) {
  offset = opaque(offset);
  if (offset > LARGEST_OFFSET) return false;
  struct ipv6hdr* ip = data + offset;
  if ((void*)(ip + 1) > end) return false;
  *ttl = ip->hop_limit;
  const struct in6_addr source = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = source;
  ip->hop_limit = FULL_TTL;
  return true;
}

SEC("xdp")
int reflect(struct xdp_md* ctx) {
  const __u64 t2_ns = now_ns();
  struct xdp_packet packet;
  if (!parse_ours(ctx, &packet) || packet.has_options) return XDP_PASS;
  if (!packet.v4 && !packet.checksum) return XDP_PASS;  // RFC 8200 8.1; the stack counts it
  const __u32 only = 0;
  struct netobs_xdp_reflector_counters* counters = bpf_map_lookup_elem(&reflector_counters, &only);
  const struct netobs_xdp_settings* now = bpf_map_lookup_elem(&settings, &only);
  if (!counters || !now) return XDP_PASS;
  ++counters->received;
  if (!may_be_answered(ctx, &packet, t2_ns, counters)) return XDP_DROP;

  void* data = (void*)(long)ctx->data;
  void* end = (void*)(long)ctx->data_end;
  const __u32 udp_offset = opaque(packet.udp_offset);
  if (udp_offset > LARGEST_OFFSET) return XDP_PASS;
  struct udphdr* udp = data + udp_offset;
  __u32* base = (__u32*)(udp + 1);
  struct ethhdr* ethernet = data;
  if ((void*)base + BASE_BYTES > end) return XDP_PASS;
  if ((void*)(ethernet + 1) > opaque_end(end)) return XDP_PASS;
  const bool unfinished = udp->check && udp->check == fold(pseudo_header_sum(&packet));
  if (unfinished && packet.udp_bytes > LONGEST_DATAGRAM) {
    ++counters->too_long;
    return XDP_DROP;
  }
  __u8 ttl = 0;
  const bool turned = packet.v4 ? turn_v4(data, end, packet.ip_offset, &ttl)
                                : turn_v6(data, end, packet.ip_offset, &ttl);
  if (!turned) return XDP_PASS;
  swap_macs(ethernet);
  const __be16 port = udp->source;
  udp->source = udp->dest;
  udp->dest = port;
  __u32 sum = (__u16)~udp->check;
  sum = write_base(base, t2_ns, ttl, now, sum);
  sum = answer_tlvs(data, end, &packet, sum);
  if (unfinished) {
    udp->check = 0;
    udp->check = whole_checksum(data, end, &packet);
  } else if (udp->check) {
    const __u16 checksum = ~fold(sum);
    udp->check = checksum ? checksum : 0xffff;
  }
  ++counters->answered;
  return XDP_TX;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
