// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The fields of a STAMP packet that identify it (RFC 8762 4.2 and 4.3, SSID from RFC 8972 3). Needs
// packet_load() as parse.h describes it.
#pragma once

#include "record.h"

enum {
  SSID_OFFSET = 14,
  SSID_OFFSET_AUTHENTICATED = 26,
  SENDER_SEQUENCE_OFFSET = 24,
  SENDER_SEQUENCE_OFFSET_AUTHENTICATED = 48,
};

// False when the bytes are there but cannot be reached.
static __always_inline bool load_payload(const struct packet* packet, const struct flow* flow,
                                         enum netobs_point point, struct payload* payload) {
  const __u32 start = flow->payload_offset;
  const __u32 ssid = config.authenticated ? SSID_OFFSET_AUTHENTICATED : SSID_OFFSET;
  const __u32 sender_sequence =
      config.authenticated ? SENDER_SEQUENCE_OFFSET_AUTHENTICATED : SENDER_SEQUENCE_OFFSET;
  payload->ssid = 0;
  payload->sender_sequence = 0;
  if (packet_load(packet, start, &payload->sequence, sizeof(payload->sequence))) return false;
  if (flow->payload_bytes >= ssid + sizeof(payload->ssid) &&
      packet_load(packet, start + ssid, &payload->ssid, sizeof(payload->ssid)))
    return false;
  if (is_reply(point) &&
      flow->payload_bytes >= sender_sequence + sizeof(payload->sender_sequence) &&
      packet_load(packet, start + sender_sequence, &payload->sender_sequence,
                  sizeof(payload->sender_sequence)))
    return false;
  return true;
}
