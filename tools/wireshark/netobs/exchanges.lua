-- Which reply belongs to which request, in one capture. Filled in the first pass over the packets, in their order;
-- read in every pass.
return function()
  local kept = 8 -- packets of one conversation with the same number, so that a hostile capture costs no more
  local self = {}
  local conversations, packets

  function self.clear()
    conversations, packets = {}, {}
  end
  self.clear()

  local function conversation(stream)
    local found = conversations[stream]
    if not found then
      found = { requests = {} }
      conversations[stream] = found
    end
    return found
  end

  -- What is known of a frame: role and role_by, and of a matched pair request_in, response_in, rtt,
  -- duplicate and t1_differs.
  function self.packet(frame)
    return packets[frame]
  end

  function self.requester(stream)
    return conversation(stream).requester
  end

  function self.note(stream, frame, notes, requester)
    packets[frame] = notes
    if requester then conversation(stream).requester = requester end
  end

  function self.add_request(stream, sequence, request)
    local requests = conversation(stream).requests
    local list = requests[sequence] or {}
    requests[sequence] = list
    if #list == kept then table.remove(list, 1) end
    list[#list + 1] = request
  end

  -- The last request with this number that a sender sent before a frame. ssid: nothing or 0 fits every one, because
  -- reflectors from before RFC 8972 do not copy it.
  function self.find_request(stream, sender, sequence, ssid, before)
    local list = conversation(stream).requests[sequence] or {}
    for i = #list, 1, -1 do
      local request = list[i]
      local fits = not ssid or ssid == 0 or not request.ssid or request.ssid == ssid
      if fits and request.source == sender and request.frame < before then return request end
    end
  end

  return self
end
