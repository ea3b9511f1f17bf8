-- What a packet is before it is dissected: its mode, and whether it is a request or a reply. The rules are
-- written down in README.md, one folder up.
return function(base_packet)
  local request, reply = base_packet.request, base_packet.reply
  local authenticated, unauthenticated = base_packet.authenticated, base_packet.unauthenticated
  local close_s = 3600

  -- Authenticated packets begin with a sequence number and 12 zeros. In the other mode an error estimate stands
  -- among these octets, whose multiplier is never 0.
  local function mode_of(range, length)
    if length < base_packet.layouts[authenticated].size then return unauthenticated end
    local zeros, multiplier = range(4, 12), range(25, 1) -- nothing where the capture ends before
    local sealed = zeros and base_packet.is_zero(zeros) and not (multiplier and multiplier:uint() == 0)
    return sealed and authenticated or unauthenticated
  end

  local function by_port(c)
    local to, from = c.is_stamp_port(c.destination_port), c.is_stamp_port(c.source_port)
    if to and not from then return request, "port" end
    if from and not to then return reply, "port" end
  end

  local function by_netobs(c)
    if c.netobs_reply then return reply, "Net Obs flag" end
  end

  local function by_content(c)
    local layout = base_packet.layouts[c.mode]
    -- A reply holds T2 and a copy of T1 here.
    local rest = c.length >= layout.size and c.range(layout.receive, layout.size - layout.receive
      - (layout.hmac and 16 or 0))
    if rest and base_packet.is_zero(rest) then return request, "content" end
    local estimate, sent, received = c.range(layout.estimate, 2), c.range(layout.timestamp, 8),
      c.range(layout.receive, 8)
    if not (estimate and sent and received) or c.length < 28 then return nil end
    local ptp = estimate:bitfield(1, 1) == 1
    local t2, t3 = c.read_time(received, ptp), c.read_time(sent, ptp)
    if t2 and t3 and math.abs(t3.s - t2.s) < close_s then return reply, "content" end
  end

  local rules = { by_port, by_netobs, by_content }

  -- requester: who is known to send the requests of this conversation. Returns role, how it was told, and
  -- whether it is sure enough to stand for the rest of the conversation.
  local function role_of(c, requester)
    for _, rule in ipairs(rules) do
      local role, how = rule(c)
      if role then return role, how, true end
    end
    if requester then return requester == c.source and request or reply, "conversation", false end
    return request, "guess", false
  end

  return { mode_of = mode_of, role_of = role_of }
end
