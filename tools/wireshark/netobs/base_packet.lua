-- The STAMP base packets (RFC 8762 4.2 and 4.3, SSID by RFC 8972 3) and what TWAMP-Light senders and reflectors
-- (RFC 5357) send in their place.
return function(times)
  local request, reply = 1, 2
  local unauthenticated, authenticated = 0, 1

  -- Octet offsets. zero: {offset, length} of what must be zero, by role.
  local layouts = {
    [unauthenticated] = {
      size = 44, timestamp = 4, estimate = 12, ssid = 14,
      receive = 16, sender_sequence = 24, sender_timestamp = 28, sender_estimate = 36, sender_ttl = 40,
      zero = { [request] = { { 16, 28 } }, [reply] = { { 38, 2 }, { 41, 3 } } },
    },
    [authenticated] = {
      size = 112, timestamp = 16, estimate = 24, ssid = 26,
      receive = 32, sender_sequence = 48, sender_timestamp = 64, sender_estimate = 72, sender_ttl = 80, hmac = 96,
      zero = {
        [request] = { { 4, 12 }, { 28, 68 } },
        [reply] = { { 4, 12 }, { 28, 4 }, { 40, 8 }, { 52, 12 }, { 74, 6 }, { 81, 15 } },
      },
    },
  }
  -- The shortest packets that mean something: up to the error estimate, up to the sender's sequence number.
  local minimum = { [request] = 14, [reply] = 28 }

  local clock_text = { "follows an external source", "is not synchronised" }
  local format_text = { "PTPv2 truncated", "NTP" }
  local f = {
    role = ProtoField.uint8("stamp.role", "Role", base.DEC, { [request] = "request", [reply] = "reply" }),
    role_by = ProtoField.string("stamp.role_by", "Role told by"),
    mode = ProtoField.uint8("stamp.mode", "Mode", base.DEC,
      { [unauthenticated] = "unauthenticated", [authenticated] = "authenticated" }),
    short = ProtoField.bool("stamp.short", "Shorter than STAMP's base packet (TWAMP-Light)"),
    seq = ProtoField.uint32("stamp.seq", "Sequence number"),
    t1 = ProtoField.absolute_time("stamp.t1", "T1, request sent (sender's clock)", base.UTC),
    t2 = ProtoField.absolute_time("stamp.t2", "T2, request received (reflector's clock)", base.UTC),
    t3 = ProtoField.absolute_time("stamp.t3", "T3, reply sent (reflector's clock)", base.UTC),
    ssid = ProtoField.uint16("stamp.ssid", "SSID (session identifier)"),
    sender_seq = ProtoField.uint32("stamp.sender.seq", "Sender's sequence number"),
    sender_ttl = ProtoField.uint8("stamp.sender.ttl", "TTL of the request as it was received"),
    mbz = ProtoField.bytes("stamp.mbz", "Must be zero"),
    hmac = ProtoField.bytes("stamp.hmac", "HMAC-SHA-256, first 16 octets (not checked)"),
    padding = ProtoField.bytes("stamp.padding", "Padding"),
    residence = ProtoField.relative_time("stamp.residence", "Residence at the reflector (T3 - T2)"),
    forward = ProtoField.relative_time("stamp.forward", "Forward (T2 - T1: delay and difference of the clocks)"),
  }

  local function estimate_fields(prefix, name)
    local set = {
      whole = ProtoField.uint16(prefix, name, base.HEX),
      s = ProtoField.bool(prefix .. ".s", "S: the clock", 16, clock_text, 0x8000),
      z = ProtoField.bool(prefix .. ".z", "Z: timestamp format", 16, format_text, 0x4000),
      scale = ProtoField.uint16(prefix .. ".scale", "Scale", base.DEC, nil, 0x3f00),
      multiplier = ProtoField.uint16(prefix .. ".multiplier", "Multiplier", base.DEC, nil, 0x00ff),
      bound = ProtoField.uint64(prefix .. ".bound", "Bound in ns"),
    }
    for key, field in pairs(set) do
      f[prefix .. key] = field
    end
    return set
  end
  local estimate = estimate_fields("stamp.error_estimate", "Error estimate")
  local sender_estimate = estimate_fields("stamp.sender.error_estimate", "Sender's error estimate")

  local e = {
    too_short = ProtoExpert.new("stamp.too_short", "Too short for a STAMP or TWAMP-Light packet",
      expert.group.MALFORMED, expert.severity.ERROR),
    cut_off = ProtoExpert.new("stamp.cut_off", "The capture holds only a part of this packet",
      expert.group.UNDECODED, expert.severity.WARN),
    bad_estimate = ProtoExpert.new("stamp.bad_error_estimate", "Multiplier 0: a corrupt packet (RFC 4656 4.1.2)",
      expert.group.MALFORMED, expert.severity.WARN),
    not_zero = ProtoExpert.new("stamp.mbz.nonzero", "Not zero (ignored by who receives it)",
      expert.group.PROTOCOL, expert.severity.NOTE),
    backward = ProtoExpert.new("stamp.t3_before_t2", "Sent before it was received (T3 before T2)",
      expert.group.PROTOCOL, expert.severity.WARN),
  }

  local function is_zero(range)
    return not range:raw():find("[^\0]")
  end

  -- c.range(offset, length): that part of the packet, or nothing where the capture or the packet ends before.
  local function add(c, field, offset, length)
    local range = c.range(offset, length)
    if range then return c.tree:add(field, range), range end
  end

  local function add_estimate(c, set, offset)
    local item, range = add(c, set.whole, offset, 2)
    if not item then return nil end
    for _, key in ipairs({ "s", "z", "scale", "multiplier" }) do
      item:add(set[key], range)
    end
    local scale, multiplier = range:bitfield(2, 6), range:bitfield(8, 8)
    local ptp = range:bitfield(1, 1) == 1
    local bound = times.error_bound_ns(scale, multiplier)
    if bound then item:add(set.bound, range, bound):set_generated() end
    item:append_text(string.format(" (%s, %s%s)", clock_text[range:bitfield(0, 1) == 1 and 1 or 2],
      format_text[ptp and 1 or 2], bound and ", within " .. tostring(bound) .. " ns" or ""))
    if multiplier == 0 then item:add_proto_expert_info(e.bad_estimate) end
    return ptp
  end

  -- Adds a timestamp; returns its instant, or nothing when it is not there or zero, which says "none".
  local function add_time(c, field, offset, ptp)
    local range = c.range(offset, 8)
    if not range then return nil end
    local time = c.read_time(range, ptp)
    if not time then
      c.tree:add(field, range, NSTime.new(0, 0)):set_text("Timestamp of zero: none was taken")
      return nil
    end
    c.tree:add(field, range, times.to_nstime(time))
    return time
  end

  local function add_zeros(c, layout)
    for _, part in ipairs(layout.zero[c.role]) do
      local range = c.range(part[1], math.min(part[2], math.max(c.available - part[1], 0)))
      if range and range:len() > 0 and part[1] < math.min(c.length, layout.size) then
        local item = c.tree:add(f.mbz, range)
        if not is_zero(range) then item:add_proto_expert_info(e.not_zero) end
      end
    end
  end

  local function add_duration(c, field, from, to)
    if not (from and to) then return nil end
    local duration = times.difference(to, from)
    local item = c.tree:add(field, NSTime.new(duration.s, duration.ns))
    item:set_generated()
    item:append_text(" (" .. times.text(duration) .. ")")
    return duration, item
  end

  -- What stands in the first octets of both kinds.
  local function add_common(c, layout)
    add(c, f.seq, 0, 4)
    c.ptp = add_estimate(c, estimate, layout.estimate) or false
    -- Below the full base there is padding, or zeros, where the SSID would be.
    if c.length >= layout.size then
      local _, range = add(c, f.ssid, layout.ssid, 2)
      c.ssid = range and range:uint()
    end
  end

  local function dissect_request(c, layout)
    c.t1 = add_time(c, f.t1, layout.timestamp, c.ptp)
    c.t1_range = c.range(layout.timestamp, 8)
    if c.length < layout.size then
      local from = layout.estimate + 2
      if c.available > from then c.tree:add(f.padding, c.range(from, c.available - from)) end
    else
      add_zeros(c, layout)
    end
  end

  local function dissect_reply(c, layout)
    c.t3 = add_time(c, f.t3, layout.timestamp, c.ptp)
    c.t2 = add_time(c, f.t2, layout.receive, c.ptp)
    local _, sequence = add(c, f.sender_seq, layout.sender_sequence, 4)
    c.sender_seq = sequence and sequence:uint()
    local sender_ptp = add_estimate(c, sender_estimate, layout.sender_estimate)
    if sender_ptp == nil then sender_ptp = c.ptp end
    c.t1 = add_time(c, f.t1, layout.sender_timestamp, sender_ptp)
    c.t1_range = c.range(layout.sender_timestamp, 8)
    add(c, f.sender_ttl, layout.sender_ttl, 1)
    add_zeros(c, layout)
    local residence, item = add_duration(c, f.residence, c.t2, c.t3)
    c.residence = residence
    if residence and (residence.s < 0 or residence.ns < 0) then item:add_proto_expert_info(e.backward) end
    add_duration(c, f.forward, c.t1, c.t2)
  end

  -- Fills c.seq, c.ssid, c.ptp, c.t1, c.t1_range, and of replies c.t2, c.t3, c.sender_seq, c.residence: each
  -- nothing where the packet does not hold it.
  local function dissect(c)
    local layout = layouts[c.mode]
    c.tree:add(f.role, c.role):set_generated()
    c.tree:add(f.role_by, c.role_by):set_generated()
    c.tree:add(f.mode, c.mode):set_generated()
    if c.length < layout.size then c.tree:add(f.short, true):set_generated() end
    if c.length < minimum[c.role] then c.tree:add_proto_expert_info(e.too_short) end
    if c.available < c.length then c.tree:add_proto_expert_info(e.cut_off) end
    local sequence = c.range(0, 4)
    c.seq = sequence and sequence:uint()
    add_common(c, layout)
    if c.role == request then dissect_request(c, layout) else dissect_reply(c, layout) end
    if layout.hmac then add(c, f.hmac, layout.hmac, 16) end
  end

  return {
    fields = f, experts = e, layouts = layouts, dissect = dissect, is_zero = is_zero,
    request = request, reply = reply, unauthenticated = unauthenticated, authenticated = authenticated,
  }
end
