-- The requests of a file by turns: a line each, a path by itself or followed by a tab and a body of JSON.
-- What wrk counted is told as JSON. See https://github.com/wg/wrk/blob/master/SCRIPTING.

local requests, place = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, body = line:match("^([^\t]+)\t(.*)$")
    if body then
      table.insert(requests, wrk.format("POST", path, { ["Content-Type"] = "application/json" }, body))
    else
      table.insert(requests, wrk.format("GET", line))
    end
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
