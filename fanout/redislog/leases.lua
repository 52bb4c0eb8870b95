-- leases: which processes have one, or had one within the time that ended ones are remembered?
-- KEYS  leases (sorted set: id by the time when its lease ends)
-- Returns {id, ms since the lease ended (0: alive), id, …}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #all, 2 do
  all[i] = math.max(0, now - tonumber(all[i]))
end
return all
