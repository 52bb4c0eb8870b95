-- renew: this process is alive; which others are?
-- KEYS  leases (sorted set: id by the time when its lease ends)
-- ARGV  1 id, 2 ttl in ms (0 gives the lease up), 3 how long an ended lease is remembered, in ms
-- Returns {1 if the own lease had ended or was never there, ids of all that are alive}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
if tonumber(ARGV[2]) > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return {ends <= now and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')}
