-- The Net Obs TLV: the reflector's timestamps of earlier probes. Layout: engine/core/wire/README.md.
return function(times, points, is_zero, proto)
  local header_size, entry_header_size, most_entries = 24, 20, 8
  local magic, version = 0x4e4f4253, 1
  local experimental_first, experimental_last = 240, 251

  local f = {
    magic = ProtoField.uint32("netobs.magic", "Magic", base.HEX),
    version = ProtoField.uint8("netobs.version", "Version"),
    flags = ProtoField.uint8("netobs.flags", "Flags", base.HEX),
    is_reply = ProtoField.bool("netobs.flags.reply", "Reply", 8, nil, 0x01),
    base_is_xdp = ProtoField.bool("netobs.flags.base_is_xdp",
      "No entries will come: T2 and T3 are the times at xdp_rx and xdp_tx", 8, nil, 0x02),
    not_measured = ProtoField.bool("netobs.flags.not_measured",
      "Not measured: of the warm-up, or fetches the last reports", 8, nil, 0x02),
    mask_flags = ProtoField.uint8("netobs.flags.points", "Points 16 and 17 of the first mask", base.HEX, nil, 0xc0),
    path_flags = ProtoField.uint8("netobs.flags.on_path", "Points 16 and 17 of the second mask", base.HEX, nil, 0x30),
    reserved_flags = ProtoField.uint8("netobs.flags.reserved", "Reserved", base.HEX, nil, 0x0c),
    entries = ProtoField.uint8("netobs.entries", "Entries"),
    clock_steps = ProtoField.uint8("netobs.clock_steps", "Times that the reflector's clock was set (wraps)"),
    points = ProtoField.uint32("netobs.points", "Points", base.HEX),
    on_path = ProtoField.uint32("netobs.on_path", "Points on the reflector's path", base.HEX),
    clock_identity = ProtoField.uint64("netobs.clock_identity", "Clock identity", base.HEX),
    dropped = ProtoField.uint32("netobs.dropped", "Entries lost to full buffers (wraps)"),
    unused = ProtoField.bytes("netobs.unused", "Room that is left"),
    entry = ProtoField.none("netobs.entry", "Entry"),
    entry_seq = ProtoField.uint32("netobs.entry.seq", "Sequence number of the reply described"),
    entry_sender_seq = ProtoField.uint32("netobs.entry.sender_seq", "Sequence number of its request"),
    entry_points = ProtoField.uint32("netobs.entry.points", "Points", base.HEX),
    entry_flags = ProtoField.uint8("netobs.entry.flags", "Flags", base.HEX),
    wide = ProtoField.bool("netobs.entry.flags.wide", "Wide: differences of 8 octets", 8, nil, 0x01),
    stepped = ProtoField.bool("netobs.entry.flags.clock_stepped",
      "The clock was set while the probe may have been here", 8, nil, 0x02),
    unasked = ProtoField.bool("netobs.entry.flags.tx_hardware_unasked", "No hardware transmit time was asked for",
      8, nil, 0x04),
    impossible = ProtoField.bool("netobs.entry.flags.hardware_impossible",
      "What the NIC gave cannot be of this packet and is left out", 8, nil, 0x08),
    events_lost = ProtoField.bool("netobs.entry.flags.hook_events_lost",
      "Times of hooks were lost to a full buffer while the probe may have been here", 8, nil, 0x10),
    entry_reserved = ProtoField.uint8("netobs.entry.flags.reserved", "Reserved", base.HEX, nil, 0x20),
    entry_mask_flags = ProtoField.uint8("netobs.entry.flags.points", "Points 16 and 17 of the mask", base.HEX, nil,
      0xc0),
    nic_code = ProtoField.uint8("netobs.entry.nic_bound", "Bound of the hardware times, as a code", base.HEX),
    nic_bound = ProtoField.uint64("netobs.entry.nic_bound_ns", "Hardware times are the host clock's within, ns"),
    base_ns = ProtoField.int64("netobs.entry.base", "Base, ns since 1970"),
    request_in = ProtoField.framenum("netobs.entry.request_in", "Request described", base.NONE, frametype.REQUEST),
    reply_in = ProtoField.framenum("netobs.entry.reply_in", "Reply described", base.NONE, frametype.RESPONSE),
  }
  local header_flags = {
    request = { f.is_reply, f.not_measured, f.mask_flags },
    reply = { f.is_reply, f.base_is_xdp, f.path_flags, f.mask_flags },
  }
  local entry_flags = { f.wide, f.stepped, f.unasked, f.impossible, f.events_lost, f.entry_reserved,
    f.entry_mask_flags }
  local time_fields, delta_fields = {}, {}
  for _, point in ipairs(points.all) do
    time_fields[point] = ProtoField.absolute_time("netobs.point." .. point.name, point.name, base.UTC, point.where)
    delta_fields[point] = ProtoField.relative_time("netobs.delta." .. point.name,
      "Since the point before " .. point.name, point.where)
    f["time_" .. point.name], f["delta_" .. point.name] = time_fields[point], delta_fields[point]
  end

  local function problem(abbreviation, text, severity)
    return ProtoExpert.new("netobs." .. abbreviation, text, expert.group.MALFORMED, severity or expert.severity.WARN)
  end
  local e = {
    too_short = problem("too_short", "Too short for the Net Obs TLV"),
    version = problem("wrong_version", "A version that this dissector does not know"),
    too_many = problem("too_many_entries", "More than 8 entries"),
    unknown_point = problem("unknown_point", "A point without a meaning in this version"),
    truncated = problem("truncated_entry", "The entry reaches beyond the value"),
    not_zero = problem("unused.nonzero", "Not zero", expert.severity.NOTE),
    unread = ProtoExpert.new("netobs.unread", "Came back as it was sent: the peer is no Net Obs reflector",
      expert.group.RESPONSE_CODE, expert.severity.NOTE),
  }

  -- The first octets tell this TLV from others' experiments of the same number.
  local function is_netobs(kind, value)
    return kind >= experimental_first and kind <= experimental_last and value:len() >= 4
      and value(0, 4):uint() == magic
  end

  local function is_reply(value)
    return value:len() > 5 and value(5, 1):bitfield(7, 1) == 1
  end

  local function add_flags(tree, whole, parts, range)
    local item = tree:add(whole, range)
    for _, field in ipairs(parts) do
      item:add(field, range)
    end
  end

  local function add_mask(tree, field, range, mask, text)
    local item = tree:add(field, range, mask)
    item:append_text(" (" .. (text or points.set_of(mask).names) .. ")")
    return item
  end

  local function add_header(tree, value, reply)
    local flags = value(5, 1):uint()
    tree:add(f.magic, value(0, 4))
    tree:add(f.version, value(4, 1))
    add_flags(tree, f.flags, reply and header_flags.reply or header_flags.request, value(5, 1))
    local mask = points.mask_of(value(8, 2):uint(), flags, 6)
    add_mask(tree, f.points, value(8, 2), mask):prepend_text(reply and "Recorded here: " or "Wanted: ")
    if not reply then return end
    tree:add(f.entries, value(6, 1))
    tree:add(f.clock_steps, value(7, 1))
    local path = points.mask_of(value(10, 2):uint(), flags, 4)
    add_mask(tree, f.on_path, value(10, 2), path, path == 0 and "not told: those of the kernel's own path" or nil)
    tree:add(f.clock_identity, value(12, 8))
    tree:add(f.dropped, value(20, 4))
  end

  -- Times of an entry by point, with the range of each; nothing when the value ends before. Wide differences are
  -- added in 64 bits, which wrap like the engine's.
  local function read_times(value, offset, set, wide)
    local base_range = value(offset + 12, 8)
    local bits = base_range:uint64()
    local base, at, list, base_point = times.from_unix_ns(bits), offset + entry_header_size, {}, nil
    for _, point in ipairs(set.by_bit) do
      local size = (point.own_clock or wide) and 8 or 4
      if not point.own_clock and not base_point then
        base_point, size = point, 0
        list[point] = { range = base_range, time = base }
      elseif at + size > value:len() then
        return nil
      else
        local range = value(at, size)
        local time
        if point.own_clock then
          time = times.from_unix_ns(range:uint64())
        elseif wide then
          time = times.from_unix_ns(bits + range:uint64())
        else
          time = times.later(base, range:int())
        end
        list[point] = { range = range, time = time }
      end
      at = at + size
    end
    return list, at
  end

  -- One time, and the difference to the one before on the same clock.
  local function add_time(item, point, one, last, clock)
    local added = item:add(time_fields[point], one.range, times.to_nstime(one.time))
    if last then
      local difference = times.difference(one.time, last.time)
      added:append_text(string.format(" (%s after %s)", times.text(difference), last.name))
      added:add(delta_fields[point], one.range, NSTime.new(difference.s, difference.ns)):set_generated()
    end
    if clock == "nic" then added:append_text(" (clock of the NIC)") end
    if point.unassigned then added:add_proto_expert_info(e.unknown_point) end
  end

  -- bound: the hardware times are in the host's clock, so that they compare with the others.
  local function add_times(item, set, list, bound)
    local before = {} -- last point by clock
    for _, point in ipairs(set.in_order) do
      local one = list[point]
      local clock = point.own_clock and not bound and "nic" or "host"
      add_time(item, point, one, before[clock], clock)
      before[clock] = { name = point.name, time = one.time }
    end
  end

  local function add_bound(item, range)
    local code = range:uint()
    local added = item:add(f.nic_code, range)
    if code == 0 then
      added:append_text(" (hardware times are the NIC's own)")
      return false
    end
    local bound = (8 + code % 8) * 2 ^ math.floor(code / 8)
    local high = math.floor(bound / 4294967296)
    item:add(f.nic_bound, range, UInt64.new(math.floor(bound - high * 4294967296), high)):set_generated()
    return true
  end

  -- Returns where the entry ends, or nothing when it does not lie in the value.
  local function add_entry(c, tree, value, offset)
    if offset + entry_header_size > value:len() then
      tree:add_proto_expert_info(e.truncated)
      return nil
    end
    local sequence, sender_sequence = value(offset, 4), value(offset + 4, 4)
    local flags = value(offset + 10, 1)
    local mask = points.mask_of(value(offset + 8, 2):uint(), flags:uint(), 6)
    local set = points.set_of(mask)
    local list, end_at = read_times(value, offset, set, flags:bitfield(7, 1) == 1)
    local item = tree:add(f.entry, value(offset, (end_at or value:len()) - offset))
    item:set_text(string.format("Entry: request %u, reply %u", sender_sequence:uint(), sequence:uint()))
    item:add(f.entry_seq, sequence)
    item:add(f.entry_sender_seq, sender_sequence)
    local exchange = c.find_request(sender_sequence:uint())
    if exchange then
      item:add(f.request_in, exchange.frame):set_generated()
      if exchange.reply_frame then item:add(f.reply_in, exchange.reply_frame):set_generated() end
    end
    add_mask(item, f.entry_points, value(offset + 8, 2), mask)
    add_flags(item, f.entry_flags, entry_flags, flags)
    local bound = add_bound(item, value(offset + 11, 1))
    item:add(f.base_ns, value(offset + 12, 8))
    if not list then
      item:add_proto_expert_info(e.truncated)
      return nil
    end
    add_times(item, set, list, bound)
    return end_at
  end

  local function add_entries(c, tree, value)
    local count, offset = value(6, 1):uint(), header_size
    if count > most_entries then tree:add_proto_expert_info(e.too_many) end
    for _ = 1, math.min(count, most_entries) do
      offset = add_entry(c, tree, value, offset)
      if not offset then return nil end
    end
    return count <= most_entries and offset or nil
  end

  local function summary(value, reply)
    if not reply then return value(5, 1):bitfield(6, 1) == 1 and "not measured" or nil end
    local count = value(6, 1):uint()
    if count > 0 then return count == 1 and "1 entry" or count .. " entries" end
  end

  -- Adds a value of a TLV, when it is ours, and says whether it was.
  local function claim(c, item, kind, value)
    if not is_netobs(kind, value) then return false end
    local reply = is_reply(value)
    item:set_text(string.format("TLV: Net Obs, %d octets", value:len()))
    local tree = item:add(proto, value)
    if value:len() < header_size then
      tree:add_proto_expert_info(e.too_short)
      return true
    end
    add_header(tree, value, reply)
    if c.is_reply and not reply then tree:add_proto_expert_info(e.unread) end
    if value(4, 1):uint() ~= version then
      tree:add_proto_expert_info(e.version)
      return true
    end
    local end_at = header_size
    if reply then end_at = add_entries(c, tree, value) end
    c.netobs_text = summary(value, reply)
    if end_at and end_at < value:len() then
      local rest = tree:add(f.unused, value(end_at))
      if not is_zero(value(end_at)) then rest:add_proto_expert_info(e.not_zero) end
    end
    return true
  end

  return { fields = f, experts = e, claim = claim, is_netobs = is_netobs, is_reply = is_reply }
end
