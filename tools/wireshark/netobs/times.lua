-- Timestamps and durations. Arithmetic only: an instant is a table {s = seconds since 1970, ns = 0 to 999999999},
-- because a double does not hold the nanoseconds since 1970.
local times = {}

local ns_per_s = 1000000000
local ntp_unix_s = 2208988800
local era_s = 4294967296

-- Lua 5.3 and later tell 3 from 3.0, and NSTime.new wants the former.
local function integer(value)
  return math.floor(value)
end

local function instant(s, ns)
  local carry = math.floor(ns / ns_per_s)
  return { s = integer(s + carry), ns = integer(ns - carry * ns_per_s) }
end

-- A 32-bit count of seconds, moved by whole eras to within 68 years of the reference.
local function nearest_era(s, reference_s)
  return s + era_s * math.floor((reference_s - s) / era_s + 0.5)
end

-- NTP 32.32 rounded to nanoseconds. The product has 53 significant bits at most (10^9 is 5^9 * 2^9), so that
-- a double holds it.
function times.from_ntp(range, reference_s)
  local s = nearest_era(range(0, 4):uint() - ntp_unix_s, reference_s)
  return instant(s, math.floor(range(4, 4):uint() * 1e9 / era_s + 0.5))
end

-- PTPv2 truncated: 32 bits of seconds, 32 bits of nanoseconds. tai_offset_s: TAI - UTC, subtracted.
function times.from_ptp(range, tai_offset_s, reference_s)
  local s = nearest_era(range(0, 4):uint() - tai_offset_s, reference_s)
  return instant(s, range(4, 4):uint())
end

-- Signed nanoseconds since 1970 in a UInt64, as the sum of a base and a difference leaves them.
function times.from_unix_ns(bits)
  local value = Int64.new(bits:lower(), bits:higher())
  local unit = Int64.new(ns_per_s, 0)
  local s, ns = (value / unit):tonumber(), (value % unit):tonumber()
  return instant(s, ns)
end

-- ns: what a double holds of nanoseconds, signed.
function times.later(time, ns)
  return instant(time.s, time.ns + ns)
end

function times.to_nstime(time)
  return NSTime.new(time.s, time.ns)
end

-- a - b. Wireshark wants both parts of a duration with one sign.
function times.difference(a, b)
  local s, ns = a.s - b.s, a.ns - b.ns
  if s > 0 and ns < 0 then
    s, ns = s - 1, ns + ns_per_s
  elseif s < 0 and ns > 0 then
    s, ns = s + 1, ns - ns_per_s
  end
  return { s = integer(s), ns = integer(ns) }
end

-- A duration from a double of seconds, good to the nanosecond up to some weeks.
function times.of_seconds(seconds)
  local whole = seconds < 0 and math.ceil(seconds) or math.floor(seconds)
  local ns = math.floor((seconds - whole) * 1e9 + 0.5)
  if ns == ns_per_s then return { s = integer(whole + 1), ns = 0 } end
  return { s = integer(whole), ns = integer(ns) }
end

-- A duration in the unit that suits it: "12.3 us".
function times.text(duration)
  local ns = duration.s * 1e9 + duration.ns
  local size = math.abs(ns)
  if size < 1e3 then return string.format("%.0f ns", ns) end
  if size < 1e6 then return string.format("%.1f us", ns / 1e3) end
  if size < 1e9 then return string.format("%.3f ms", ns / 1e6) end
  return string.format("%.3f s", ns / 1e9)
end

-- multiplier * 2^(scale - 32) seconds in nanoseconds, rounded up (RFC 4656 4.1.2), as UInt64; nothing when it
-- has more than 64 bits.
function times.error_bound_ns(scale, multiplier)
  local ns = math.ceil(multiplier * 1e9 * 2.0 ^ (scale - 32))
  if ns >= 2.0 ^ 63 then return nil end
  local high = math.floor(ns / era_s)
  return UInt64.new(integer(ns - high * era_s), integer(high))
end

return times
