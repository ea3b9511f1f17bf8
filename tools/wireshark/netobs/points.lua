-- The timestamp points of the Net Obs TLV. The order is that in which a probe passes them at the reflector:
-- in, then out. bit: place in the masks. own_clock: the NIC's, carried absolute.
-- The same table for the engine is engine/core/layer/point.hpp; a test compares the two.
local points = {
  { bit = 6, name = "rx_hardware", own_clock = true, where = "the NIC's clock, as the request came in" },
  { bit = 12, name = "xdp_rx", where = "XDP program" },
  { bit = 7, name = "rx_software", where = "the kernel's software timestamp as the request came in" },
  { bit = 16, name = "pcap_rx", where = "packet capture, as the request came in" },
  { bit = 8, name = "tc_ingress", where = "BPF at tc ingress" },
  { bit = 9, name = "socket_delivery", where = "BPF socket filter" },
  { bit = 10, name = "skb_copy_datagram_iovec", where = "tracepoint, copy to user space" },
  { bit = 11, name = "app_rx", where = "the receive call has returned" },
  { bit = 0, name = "app_tx", where = "just before the send call" },
  { bit = 1, name = "tx_sched", where = "entering the queueing discipline's layer" },
  { bit = 2, name = "tc_egress", where = "BPF at tc egress" },
  { bit = 15, name = "pcap_tx", where = "packet capture, as the reply went out" },
  { bit = 3, name = "net_dev_start_xmit", where = "tracepoint before the driver" },
  { bit = 4, name = "tx_software", where = "the kernel's software timestamp in the driver" },
  { bit = 13, name = "xdp_tx", where = "XDP program, just before XDP_TX" },
  { bit = 14, name = "tx_completion", where = "AF_XDP completion ring" },
  { bit = 5, name = "tx_hardware", own_clock = true, where = "the NIC's clock, as the reply went out" },
  { bit = 17, name = "unassigned_17", unassigned = true, where = "a bit without a meaning in version 1" },
}

-- The mask's 18 bits from its 16-bit field and the two further ones that stand in an octet of flags.
local function mask_of(field, flags, shift)
  return field + math.floor(flags / 2 ^ shift) % 4 * 65536
end

for _, point in ipairs(points) do
  point.value = 2 ^ point.bit
end

local function has(mask, point)
  return mask % (2 * point.value) >= point.value
end

local sorted = {}
for _, point in ipairs(points) do
  sorted[point.bit + 1] = point
end

local function chosen(list, mask)
  local found = {}
  for _, point in ipairs(list) do
    if has(mask, point) then found[#found + 1] = point end
  end
  return found
end

local function names(list)
  local found = {}
  for i, point in ipairs(list) do
    found[i] = point.name
  end
  return #found == 0 and "none" or table.concat(found, ", ")
end

-- One reflector has a handful of masks: each is taken apart once.
local most_kept = 64
local kept, kept_count = {}, 0

-- The points of a mask: by_bit, in_order (of the path), and their names.
local function set_of(mask)
  local set = kept[mask]
  if not set then
    if kept_count == most_kept then kept, kept_count = {}, 0 end
    local in_order = chosen(points, mask)
    set = { by_bit = chosen(sorted, mask), in_order = in_order, names = names(in_order) }
    kept[mask], kept_count = set, kept_count + 1
  end
  return set
end

return { all = points, mask_of = mask_of, set_of = set_of }
