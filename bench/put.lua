-- wrk's half of bench/load.py: takes the request templates of one round and, for each request, writes the next time and fresh
-- values into their fixed-width fields in place. Arguments: folder of the templates, seed, first round, result file.
-- One thread only: rounds and series are handed out in order from one place, so no point is ever sent twice.
local ffi = require("ffi")

local EPOCH_S, STEP_S = 1700000000, 10
local TIME_DIGITS, COUNTER_DIGITS, ZERO = 10, 10, 48
local bytes, length, first, last = {}, {}, {}, {}   -- per template
local time_at, value_at, is_gauge, start, total      -- per series, int32/double arrays
local template_count, random_state
local next_template, round = 0, 0
generated = 0  -- global: done() asks the thread for it

local threads = {}
function setup(thread) table.insert(threads, thread) end

local function read_templates(folder)
   local requests = assert(io.open(folder .. "/requests.bin", "rb"))
   local series, fields = 0, {}
   local lines = io.lines(folder .. "/layout.txt")
   template_count = 0
   for line in lines do
      local size, points = line:match("(%d+) (%d+)")
      size, points = tonumber(size), tonumber(points)
      bytes[template_count] = ffi.new("uint8_t[?]", size)
      ffi.copy(bytes[template_count], assert(requests:read(size)), size)
      length[template_count], first[template_count], last[template_count] = size, series, series + points - 1
      for _ = 1, points do
         fields[series] = { lines():match("(%d+) (%d+) (%a) (%d+)") }
         series = series + 1
      end
      template_count = template_count + 1
   end
   requests:close()
   time_at, value_at = ffi.new("int32_t[?]", series), ffi.new("int32_t[?]", series)
   is_gauge, start, total = ffi.new("bool[?]", series), ffi.new("int32_t[?]", series), ffi.new("double[?]", series)
   for i = 0, series - 1 do
      local f = fields[i]
      time_at[i], value_at[i], is_gauge[i] = tonumber(f[1]), tonumber(f[2]), f[3] == "g"
      total[i] = tonumber(f[4])
      start[i] = is_gauge[i] and total[i] or 0
   end
end

function init(args)
   read_templates(args[1])
   random_state = tonumber(args[2])
   round = tonumber(args[3])
end

-- Numerical Recipes' 32-bit generator; its upper bits are good enough for noise and cost a few ns.
local function random_below(n)
   random_state = (random_state * 1664525 + 1013904223) % 4294967296
   return math.floor(random_state / 4294967296 * n)
end

local function write_digits(to, at, digits, number)
   for place = at + digits - 1, at, -1 do
      local rest = math.floor(number / 10)
      to[place] = ZERO + (number - rest * 10)
      number = rest
   end
end

local function write_gauge(to, at, hundredths)
   local whole = math.floor(hundredths / 100)
   write_digits(to, at, 2, whole)
   write_digits(to, at + 3, 2, hundredths - whole * 100)
end

local time_digits = ffi.new("uint8_t[?]", TIME_DIGITS)

function request()
   local t = next_template
   local to = bytes[t]
   write_digits(time_digits, 0, TIME_DIGITS, EPOCH_S + round * STEP_S)
   for i = first[t], last[t] do
      ffi.copy(to + time_at[i], time_digits, TIME_DIGITS)
      if is_gauge[i] then
         write_gauge(to, value_at[i], start[i] + random_below(501) + random_below(501) - 500)
      else
         total[i] = total[i] + random_below(10000)
         write_digits(to, value_at[i], COUNTER_DIGITS, total[i])
      end
   end
   next_template = t + 1
   if next_template == template_count then next_template, round = 0, round + 1 end
   generated = generated + 1
   return ffi.string(to, length[t])
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      'RESULT {"requests":%d,"duration_us":%d,"generated":%d,"bytes_in":%d,"latency_us":{"p50":%d,"p99":%d,"max":%d},'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}}\n',
      summary.requests, summary.duration, threads[1]:get("generated"), summary.bytes,
      latency:percentile(50), latency:percentile(99), latency.max,
      e.connect, e.read, e.write, e.timeout, e.status))
end
