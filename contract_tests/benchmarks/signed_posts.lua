-- Load for wrk: signed queries, one customer after the other; prints the result as one line of JSON.
-- Arguments: a file with a line for each request, "customer id<TAB>signature"; the merchant's id; optionally
-- the example that Prism is to answer with.
local requests, turn = {}, 0

function init(arguments)
  local example = arguments[3] ~= "" and arguments[3] or nil
  for line in io.lines(arguments[1]) do
    local customer, signature = line:match("([^\t]+)\t(.+)")
    requests[#requests + 1] = wrk.format("POST", nil, {
      ["Authorization"] = signature,
      ["MerchantId"] = arguments[2],
      ["Content-Type"] = "application/json",
      ["Prefer"] = example and "example=" .. example,
    }, '{"customerId":"' .. customer .. '"}')
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"errors":%d,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(99) / 1000))
end
