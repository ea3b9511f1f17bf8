-- The TLVs after a base packet (RFC 8972 4).
return function(times)
  local most_tlvs = 256 -- shown of one packet, and of one TLV's sub-TLVs
  local header_size = 4

  local type_names = {
    [0] = "Reserved",
    [1] = "Extra Padding",
    [2] = "Location",
    [3] = "Timestamp Information",
    [4] = "Class of Service",
    [5] = "Direct Measurement",
    [6] = "Access Report",
    [7] = "Follow-Up Telemetry",
    [8] = "HMAC",
    [9] = "Destination Node Address",
    [10] = "Return Path",
    [11] = "Micro-session ID",
  }
  for kind = 240, 251 do
    type_names[kind] = "Experimental use"
  end
  local location_names = {
    [1] = "Source MAC Address",
    [2] = "Source EUI-48 Address",
    [3] = "Source EUI-64 Address",
    [4] = "Destination IP Address",
    [5] = "Destination IPv4 Address",
    [6] = "Destination IPv6 Address",
    [7] = "Source IP Address",
    [8] = "Source IPv4 Address",
    [9] = "Source IPv6 Address",
  }
  local sync_names = {
    [1] = "NTP",
    [2] = "PTP",
    [3] = "SSU/BITS",
    [4] = "GPS/GLONASS/LORAN-C/BDS/Galileo",
    [5] = "local free-running",
  }
  local method_names = { [1] = "hardware assist", [2] = "software local", [3] = "control plane" }
  local access_names = { [1] = "3GPP network", [2] = "non-3GPP network" }
  local return_names = { [1] = "network available", [2] = "network unavailable" }

  local f = {
    tlv = ProtoField.none("stamp.tlv", "TLV"),
    flags = ProtoField.uint8("stamp.tlv.flags", "Flags", base.HEX),
    u = ProtoField.bool("stamp.tlv.flags.u", "U: unrecognised", 8, nil, 0x80),
    m = ProtoField.bool("stamp.tlv.flags.m", "M: malformed", 8, nil, 0x40),
    i = ProtoField.bool("stamp.tlv.flags.i", "I: integrity check failed", 8, nil, 0x20),
    reserved = ProtoField.uint8("stamp.tlv.flags.reserved", "Reserved", base.HEX, nil, 0x1f),
    type = ProtoField.uint8("stamp.tlv.type", "Type", base.DEC, type_names),
    length = ProtoField.uint16("stamp.tlv.length", "Length"),
    value = ProtoField.bytes("stamp.tlv.value", "Value"),
    padding = ProtoField.bytes("stamp.tlv.padding", "Extra padding"),
    tlv_reserved = ProtoField.bytes("stamp.tlv.reserved", "Reserved"),
    sub = ProtoField.none("stamp.tlv.sub", "Sub-TLV"),
    sub_flags = ProtoField.uint8("stamp.tlv.sub.flags", "Flags", base.HEX),
    sub_type = ProtoField.uint8("stamp.tlv.sub.type", "Type"),
    location_type = ProtoField.uint8("stamp.tlv.location.type", "Type", base.DEC, location_names),
    sub_length = ProtoField.uint16("stamp.tlv.sub.length", "Length"),
    sub_value = ProtoField.bytes("stamp.tlv.sub.value", "Value"),
    destination_port = ProtoField.uint16("stamp.tlv.location.destination_port", "Destination port"),
    source_port = ProtoField.uint16("stamp.tlv.location.source_port", "Source port"),
    source_eui48 = ProtoField.ether("stamp.tlv.location.source_eui48", "Source EUI-48"),
    source_eui64 = ProtoField.bytes("stamp.tlv.location.source_eui64", "Source EUI-64", base.COLON),
    destination_ipv4 = ProtoField.ipv4("stamp.tlv.location.destination_ipv4", "Destination address"),
    destination_ipv6 = ProtoField.ipv6("stamp.tlv.location.destination_ipv6", "Destination address"),
    source_ipv4 = ProtoField.ipv4("stamp.tlv.location.source_ipv4", "Source address"),
    source_ipv6 = ProtoField.ipv6("stamp.tlv.location.source_ipv6", "Source address"),
    sync_in = ProtoField.uint8("stamp.tlv.timestamp_info.sync_in", "Synchronisation source, in", base.DEC, sync_names),
    method_in = ProtoField.uint8("stamp.tlv.timestamp_info.method_in", "Timestamp method, in", base.DEC, method_names),
    sync_out = ProtoField.uint8("stamp.tlv.timestamp_info.sync_out", "Synchronisation source, out", base.DEC,
      sync_names),
    method_out = ProtoField.uint8("stamp.tlv.timestamp_info.method_out", "Timestamp method, out", base.DEC,
      method_names),
    dscp1 = ProtoField.uint32("stamp.tlv.cos.dscp1", "DSCP1 (wanted of the reply)", base.DEC, nil, 0xfc000000),
    dscp2 = ProtoField.uint32("stamp.tlv.cos.dscp2", "DSCP2 (of the request as received)", base.DEC, nil, 0x03f00000),
    ecn = ProtoField.uint32("stamp.tlv.cos.ecn", "ECN (of the request as received)", base.DEC, nil, 0x000c0000),
    rp = ProtoField.uint32("stamp.tlv.cos.rp", "RP (reverse path: DSCP1 was refused)", base.DEC, nil, 0x00030000),
    sender_tx = ProtoField.uint32("stamp.tlv.direct.sender_tx", "Packets sent by the sender"),
    reflector_rx = ProtoField.uint32("stamp.tlv.direct.reflector_rx", "Packets received by the reflector"),
    reflector_tx = ProtoField.uint32("stamp.tlv.direct.reflector_tx", "Packets sent by the reflector"),
    access_id = ProtoField.uint8("stamp.tlv.access.id", "Access", base.DEC, access_names, 0xf0),
    access_code = ProtoField.uint8("stamp.tlv.access.return_code", "Return code", base.DEC, return_names),
    follow_seq = ProtoField.uint32("stamp.tlv.follow_up.seq", "Sequence number of the reply described"),
    follow_time = ProtoField.absolute_time("stamp.tlv.follow_up.timestamp", "When it left (reflector's clock)",
      base.UTC),
    follow_method = ProtoField.uint8("stamp.tlv.follow_up.method", "Timestamp method", base.DEC, method_names),
    hmac = ProtoField.bytes("stamp.tlv.hmac", "HMAC-SHA-256, first 16 octets (not checked)"),
    trailer = ProtoField.bytes("stamp.trailer", "Octets after the TLVs"),
  }

  local e = {
    overrun = ProtoExpert.new("stamp.tlv.overrun",
      "No TLV: its length points beyond the packet (malformed, or the padding of a TWAMP-Light sender)",
      expert.group.MALFORMED, expert.severity.WARN),
    length = ProtoExpert.new("stamp.tlv.wrong_length", "A length that this type does not have",
      expert.group.MALFORMED, expert.severity.WARN),
    unrecognised = ProtoExpert.new("stamp.tlv.unrecognised", "The reflector does not know this TLV (U)",
      expert.group.RESPONSE_CODE, expert.severity.NOTE),
    malformed = ProtoExpert.new("stamp.tlv.malformed", "The reflector calls this TLV malformed (M)",
      expert.group.RESPONSE_CODE, expert.severity.WARN),
    integrity = ProtoExpert.new("stamp.tlv.integrity", "The HMAC did not match what the reflector received (I)",
      expert.group.SECURITY, expert.severity.WARN),
    too_many = ProtoExpert.new("stamp.tlv.too_many", "More TLVs than are shown", expert.group.UNDECODED,
      expert.severity.WARN),
  }

  local location_values = {
    [2] = { f.source_eui48, 6 },
    [3] = { f.source_eui64, 8 },
    [5] = { f.destination_ipv4, 4 },
    [6] = { f.destination_ipv6, 16 },
    [8] = { f.source_ipv4, 4 },
    [9] = { f.source_ipv6, 16 },
  }
  local location_sizes = { 8, 8, 8, 16, 16, 16, 16, 16, 16 }

  -- Calls visit(type, header, value, whole) for each TLV of an area and returns the octets walked and what ended
  -- the walk: nothing, "padding" (only zeros follow), "overrun" or "too many".
  local function walk(area, visit)
    local octets, offset = area:raw(), 0
    local size = #octets
    local zeros = octets:reverse():find("[^\0]")
    local content = zeros and size - zeros + 1 or 0
    for _ = 1, most_tlvs do
      if offset >= size then return offset end
      if offset >= content then return offset, "padding" end
      if size - offset < header_size then return offset, "overrun" end
      local _, kind, high, low = octets:byte(offset + 1, offset + header_size)
      local length = high * 256 + low
      if length > size - offset - header_size then return offset, "overrun" end
      local value = length > 0 and area(offset + header_size, length) or nil
      visit(kind, area(offset, header_size), value, area(offset, header_size + length))
      offset = offset + header_size + length
    end
    if offset >= size then return offset end
    return offset, offset < content and "too many" or "padding"
  end

  local function add_sub_tlvs(tree, area, names, decode)
    local end_at, why = walk(area, function(kind, header, value, whole)
      local item = tree:add(f.sub, whole)
      item:set_text("Sub-TLV: " .. (names[kind] or "type " .. kind))
      item:add(f.sub_flags, header(0, 1))
      item:add(names == location_names and f.location_type or f.sub_type, header(1, 1))
      item:add(f.sub_length, header(2, 2))
      if value then decode(item, kind, value) end
    end)
    if why == "overrun" then tree:add(f.sub_value, area(end_at)):add_proto_expert_info(e.overrun) end
    if why == "too many" then tree:add_proto_expert_info(e.too_many) end
  end

  local function add_location(item, kind, value)
    if location_sizes[kind] and location_sizes[kind] ~= value:len() then item:add_proto_expert_info(e.length) end
    local row = location_values[kind]
    if row and value:len() >= row[2] then
      item:add(row[1], value(0, row[2]))
    else
      item:add(f.sub_value, value)
    end
  end

  local function location(_, item, value)
    item:add(f.destination_port, value(0, 2))
    item:add(f.source_port, value(2, 2))
    if value:len() > 4 then add_sub_tlvs(item, value(4), location_names, add_location) end
  end

  local function timestamp_information(_, item, value)
    for i, field in ipairs({ f.sync_in, f.method_in, f.sync_out, f.method_out }) do
      item:add(field, value(i - 1, 1))
    end
    if value:len() > 4 then
      add_sub_tlvs(item, value(4), {}, function(sub, _, octets) sub:add(f.sub_value, octets) end)
    end
  end

  local function class_of_service(_, item, value)
    for _, field in ipairs({ f.dscp1, f.dscp2, f.ecn, f.rp }) do
      item:add(field, value(0, 4))
    end
    item:add(f.tlv_reserved, value(2, 2))
  end

  local function direct_measurement(_, item, value)
    for i, field in ipairs({ f.sender_tx, f.reflector_rx, f.reflector_tx }) do
      item:add(field, value((i - 1) * 4, 4))
    end
  end

  local function access_report(_, item, value)
    item:add(f.access_id, value(0, 1))
    item:add(f.access_code, value(1, 1))
    item:add(f.tlv_reserved, value(2, 2))
  end

  local function follow_up(c, item, value)
    item:add(f.follow_seq, value(0, 4))
    local time = c.read_time(value(4, 8), c.ptp)
    if time then item:add(f.follow_time, value(4, 8), times.to_nstime(time)) end
    item:add(f.follow_method, value(12, 1))
    item:add(f.tlv_reserved, value(13, 3))
    if not time then item:append_text(" (nothing to tell)") end
  end

  -- sizes: least and most octets of the value, which `add` relies on.
  local decoders = {
    [1] = { sizes = { 0, 65535 }, add = function(_, item, value) item:add(f.padding, value) end },
    [2] = { sizes = { 4, 65535 }, add = location },
    [3] = { sizes = { 4, 65535 }, add = timestamp_information },
    [4] = { sizes = { 4, 4 }, add = class_of_service },
    [5] = { sizes = { 12, 12 }, add = direct_measurement },
    [6] = { sizes = { 4, 4 }, add = access_report },
    [7] = { sizes = { 16, 16 }, add = follow_up },
    [8] = { sizes = { 16, 16 }, add = function(_, item, value) item:add(f.hmac, value) end },
  }

  local function add_flags(c, item, range)
    local flags = item:add(f.flags, range)
    for _, field in ipairs({ f.u, f.m, f.i, f.reserved }) do
      flags:add(field, range)
    end
    -- A sender sets U itself: it says something in a reply only.
    if not c.is_reply then return end
    if range:bitfield(0, 1) == 1 then flags:add_proto_expert_info(e.unrecognised) end
    if range:bitfield(1, 1) == 1 then flags:add_proto_expert_info(e.malformed) end
    if range:bitfield(2, 1) == 1 then flags:add_proto_expert_info(e.integrity) end
  end

  local function add_value(c, item, kind, value)
    local length = value and value:len() or 0
    local row = decoders[kind]
    if not row then
      if value then item:add(f.value, value) end
    elseif length < row.sizes[1] or length > row.sizes[2] then
      item:add_proto_expert_info(e.length)
      if value then item:add(f.value, value) end
    elseif value then
      row.add(c, item, value)
    end
  end

  -- claim(c, item, kind, value): adds a value that it knows and says true; asked first.
  local function dissect(c, area, claim)
    local end_at, why = walk(area, function(kind, header, value, whole)
      local item = c.tree:add(f.tlv, whole)
      local name = type_names[kind] or "type " .. kind
      item:set_text(string.format("TLV: %s, %d octets", name, value and value:len() or 0))
      add_flags(c, item, header(0, 1))
      item:add(f.type, header(1, 1))
      item:add(f.length, header(2, 2))
      if not (value and claim(c, item, kind, value)) then add_value(c, item, kind, value) end
    end)
    if not why then return end
    local item = c.tree:add(f.trailer, area(end_at))
    -- Of a packet that was cut off the last TLV always reaches beyond.
    if why == "overrun" and c.available == c.length then item:add_proto_expert_info(e.overrun) end
    if why == "too many" then item:add_proto_expert_info(e.too_many) end
  end

  return { fields = f, experts = e, walk = walk, dissect = dissect }
end
