-- Sends the requests of a file, one after the other: each line is a method, a path, a host and two bodies,
-- separated by tabs. The bodies alternate, so that each save changes something.
local requests = {}
local place, round = 0, 0

function init(args)
    for line in io.lines(args[1]) do
        local method, path, host, first, second = line:match("^(%S+)\t(%S+)\t(%S+)\t(%S*)\t(%S*)$")
        local headers = { ["Host"] = host, ["Content-Type"] = "application/x-www-form-urlencoded" }
        headers["Origin"] = "http://" .. host
        local function request(body)
            return wrk.format(method, path, headers, method == "POST" and body or nil)
        end
        table.insert(requests, { request(first), request(second) })
    end
    place = math.random(#requests)
end

function request()
    place = place + 1
    if place > #requests then
        place, round = 1, 1 - round
    end
    return requests[place][round + 1]
end
