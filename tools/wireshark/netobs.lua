-- A Wireshark dissector for STAMP (RFC 8762), its TLVs (RFC 8972), TWAMP-Light packets and the Net Obs TLV.
-- How to install it, and what it shows: README.md beside it. Lua 5.2 to 5.4, Wireshark 4.0 and later.

-- The other parts lie in the folder netobs beside this file. Wireshark runs them too when they are in its plugin
-- folder; that does nothing, because each only returns a table or a function.
local folder = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local function part(name)
  return assert(loadfile(folder .. "netobs/" .. name .. ".lua"))()
end

local stamp = Proto("stamp", "Simple Two-Way Active Measurement Protocol")
local netobs = Proto("netobs", "Net Obs TLV")

local times, points = part("times"), part("points")
local base_packet = part("base_packet")(times)
local roles = part("roles")(base_packet)
local exchanges = part("exchanges")()
local tlvs = part("tlvs")(times)
local netobs_tlv = part("netobs_tlv")(times, points, base_packet.is_zero, netobs)

local f = {
  t4 = ProtoField.absolute_time("stamp.t4", "T4, reply captured (T4 where the sender captures)", base.UTC),
  response_in = ProtoField.framenum("stamp.response_in", "Response in", base.NONE, frametype.RESPONSE),
  request_in = ProtoField.framenum("stamp.request_in", "Request in", base.NONE, frametype.REQUEST),
  rtt = ProtoField.relative_time("stamp.rtt", "Round trip where it was captured"),
  net_rtt = ProtoField.relative_time("stamp.net_rtt", "Round trip without the residence"),
}
local e = {
  duplicate = ProtoExpert.new("stamp.duplicate_reply", "Another reply to the same request",
    expert.group.SEQUENCE, expert.severity.NOTE),
  t1_differs = ProtoExpert.new("stamp.t1_differs", "The copy of T1 is not what the request said",
    expert.group.PROTOCOL, expert.severity.WARN),
}

local function values(...)
  local list = {}
  for _, set in ipairs({ ... }) do
    for _, value in pairs(set) do
      list[#list + 1] = value
    end
  end
  return list
end
stamp.fields = values(f, base_packet.fields, tlvs.fields)
stamp.experts = values(e, base_packet.experts, tlvs.experts)
netobs.fields = values(netobs_tlv.fields)
netobs.experts = values(netobs_tlv.experts)

local mode_auto = 2
stamp.prefs.ports = Pref.range("UDP ports", "862", "Ports of session-reflectors", 65535)
stamp.prefs.mode = Pref.enum("Mode", mode_auto, "How the base packets are laid out", {
  { 1, "By content", mode_auto },
  { 2, "Unauthenticated", base_packet.unauthenticated },
  { 3, "Authenticated", base_packet.authenticated },
}, false)
stamp.prefs.tai_offset = Pref.uint("TAI - UTC of PTP timestamps, s", 0,
  "Subtracted from PTP timestamps: 37 where the hosts' kernels know the offset of TAI, 0 where they do not")

local epoch = Field.new("frame.time_epoch")

-- "862,9000-9010" as Wireshark writes a range, as a list of {first, last}.
local function port_ranges(text)
  local list = {}
  for item in tostring(text):gmatch("[^,%s]+") do
    local first, last = item:match("^(%d+)%-?(%d*)$")
    if first then list[#list + 1] = { tonumber(first), tonumber(last) or tonumber(first) } end
  end
  return list
end

local ranges = {}
local function is_stamp_port(port)
  for _, range in ipairs(ranges) do
    if port >= range[1] and port <= range[2] then return true end
  end
  return false
end

local function endpoint(address, port)
  return port .. " " .. tostring(address)
end

-- The same text for both directions. (udp.stream is no help: in the first pass over a file there are no fields.)
local function conversation_of(pinfo)
  local one, other = endpoint(pinfo.src, pinfo.src_port), endpoint(pinfo.dst, pinfo.dst_port)
  return one < other and one .. " " .. other or other .. " " .. one
end

-- What every part works on: the packet, what is known of it, and how to read it.
local function context(tvb, pinfo)
  local available = tvb:len()
  local captured_s = math.floor(pinfo.abs_ts)
  local c = {
    frame = pinfo.number, since_start = pinfo.rel_ts, length = tvb:reported_len(), available = available,
    stream = conversation_of(pinfo), is_stamp_port = is_stamp_port,
    source_port = pinfo.src_port, destination_port = pinfo.dst_port,
    source = endpoint(pinfo.src, pinfo.src_port), destination = endpoint(pinfo.dst, pinfo.dst_port),
  }
  function c.range(offset, length)
    if length >= 0 and offset >= 0 and offset + length <= available then return tvb(offset, length) end
  end
  -- Nothing for a timestamp of zero.
  function c.read_time(range, ptp)
    if range(0, 4):uint() == 0 and range(4, 4):uint() == 0 then return nil end
    if ptp then return times.from_ptp(range, stamp.prefs.tai_offset, captured_s) end
    return times.from_ntp(range, captured_s)
  end
  -- Of a reply: the last request before it with this number.
  function c.find_request(sequence)
    return exchanges.find_request(c.stream, c.destination, sequence, c.ssid, c.frame)
  end
  c.mode = stamp.prefs.mode
  if c.mode == mode_auto then c.mode = roles.mode_of(c.range, c.length) end
  local base_size = base_packet.layouts[c.mode].size
  if c.available > base_size then c.tlv_area = tvb(base_size, c.available - base_size) end
  return c
end

-- The Net Obs TLV of an area, or nothing.
local function find_netobs(area)
  local found
  if area then
    tlvs.walk(area, function(kind, _, value)
      if not found and value and netobs_tlv.is_netobs(kind, value) then found = value end
    end)
  end
  return found
end

local function decide_role(c, pinfo)
  local known = pinfo.visited and exchanges.packet(c.frame)
  if known then
    c.role, c.role_by, c.notes = known.role, known.role_by, known
  else
    local value = find_netobs(c.tlv_area)
    c.netobs_reply = value and netobs_tlv.is_reply(value)
    local sure
    c.role, c.role_by, sure = roles.role_of(c, exchanges.requester(c.stream))
    c.notes = { role = c.role, role_by = c.role_by }
    -- A datagram in an ICMP error is a copy of one that is somewhere else.
    c.first_time = not pinfo.in_error_pkt
    c.requester = sure and (c.role == base_packet.request and c.source or c.destination) or nil
  end
  c.is_reply = c.role == base_packet.reply
end

local function match(c)
  local notes = c.notes
  exchanges.note(c.stream, c.frame, notes, c.requester)
  local t1 = c.t1_range and tostring(c.t1_range:bytes())
  if not c.is_reply then
    if not c.seq then return end
    exchanges.add_request(c.stream, c.seq, {
      frame = c.frame, source = c.source, since_start = c.since_start, ssid = c.ssid, t1 = t1, notes = notes,
    })
    return
  end
  local request = c.sender_seq and c.find_request(c.sender_seq)
  if not request then return end
  notes.request_in = request.frame
  notes.rtt = times.of_seconds(c.since_start - request.since_start)
  notes.t1_differs = t1 and request.t1 and t1 ~= request.t1
  notes.duplicate = request.reply_frame ~= nil
  if notes.duplicate then return end
  request.reply_frame = c.frame
  request.notes.response_in, request.notes.rtt = c.frame, notes.rtt
end

local function add_duration(tree, field, duration)
  local item = tree:add(field, NSTime.new(duration.s, duration.ns))
  item:set_generated()
  item:append_text(" (" .. times.text(duration) .. ")")
end

local function add_exchange(c)
  local notes, tree = c.notes, c.tree
  -- Nothing in the first pass over a file, of which nobody sees the tree.
  local captured = epoch()
  if c.is_reply and captured then tree:add(f.t4, captured.value):set_generated() end
  if notes.response_in then tree:add(f.response_in, notes.response_in):set_generated() end
  if notes.request_in then tree:add(f.request_in, notes.request_in):set_generated() end
  if notes.rtt then
    add_duration(tree, f.rtt, notes.rtt)
    if c.residence then add_duration(tree, f.net_rtt, times.difference(notes.rtt, c.residence)) end
  end
  if notes.duplicate then tree:add_proto_expert_info(e.duplicate) end
  if notes.t1_differs then tree:add_proto_expert_info(e.t1_differs) end
end

local function summary(c)
  local text = c.is_reply and "reply" or "request"
  if c.seq then text = string.format("%s seq=%u", text, c.seq) end
  if c.sender_seq then text = string.format("%s of %u", text, c.sender_seq) end
  if c.ssid then text = string.format("%s ssid=%u", text, c.ssid) end
  if c.residence then text = text .. ", residence " .. times.text(c.residence) end
  if c.netobs_text then text = text .. ", " .. c.netobs_text end
  return text
end

function stamp.dissector(tvb, pinfo, root)
  local c = context(tvb, pinfo)
  decide_role(c, pinfo)
  pinfo.cols.protocol = "STAMP"
  c.tree = root:add(stamp, tvb())
  base_packet.dissect(c)
  if c.first_time then match(c) end
  add_exchange(c)
  if c.tlv_area then tlvs.dissect(c, c.tlv_area, netobs_tlv.claim) end
  local text = summary(c)
  c.tree:append_text(", " .. text)
  pinfo.cols.info = "STAMP " .. text
  return c.available
end

-- On any port: only what carries the Net Obs TLV, whose magic stands at a place that the packet's own lengths lead
-- to. Everything after it in the conversation is then known too.
local function is_ours(tvb)
  local available = tvb:len()
  for _, layout in pairs(base_packet.layouts) do
    if available > layout.size and tvb(layout.estimate + 1, 1):uint() ~= 0
      and find_netobs(tvb(layout.size, available - layout.size)) then
      return true
    end
  end
  return false
end

stamp:register_heuristic("udp", function(tvb, pinfo, root)
  if not is_ours(tvb) then return false end
  stamp.dissector(tvb, pinfo, root)
  pinfo.conversation = stamp
  return true
end)

stamp.init = exchanges.clear

local udp_ports = DissectorTable.get("udp.port")
local registered
local function follow_preferences()
  if registered == stamp.prefs.ports then return end
  if registered and registered ~= "" then udp_ports:remove(registered, stamp) end
  registered = stamp.prefs.ports
  ranges = port_ranges(registered)
  if registered ~= "" then udp_ports:add(registered, stamp) end
end
follow_preferences()
stamp.prefs_changed = follow_preferences
udp_ports:add_for_decode_as(stamp)
