-- Posts the body in a file over and over: wrk … -- BODY_FILE CONTENT_TYPE SECONDS PAUSE_MS
--
-- When the time is up, each connection gets an empty request, so nothing more is sent and what is under way is
-- answered: wrk's own stop would leave requests behind that the server takes and wrk does not count.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } timespec;
  int clock_gettime(int clock, timespec *now);
]]
local MONOTONIC = 1
local now = ffi.new("timespec")

local function seconds()
  ffi.C.clock_gettime(MONOTONIC, now)
  return tonumber(now.seconds) + tonumber(now.nanoseconds) / 1e9
end

local post, deadline

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = args[2]
  file:close()
  post = wrk.format()
  deadline = seconds() + tonumber(args[3])

  local pause = tonumber(args[4])
  if pause > 0 then
    function delay() return pause end
  end
end

function request()
  return seconds() < deadline and post or ""
end

statuses = {}

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

local poster

function setup(thread)
  poster = thread
end

function done(summary, latency)
  local counts = {}
  for status, count in pairs(poster:get("statuses")) do
    counts[#counts + 1] = string.format('"%d":%d', status, count)
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers":%d,"statuses":{%s},"broken":%d,"p50":%d,"p99":%d}\n',
    summary.requests, table.concat(counts, ","), errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
