-- read: a session as of one moment.
-- KEYS  as in append
-- ARGV  1 known epoch ('*': leave the state out), 2 known revision, 3 after ('' no history),
--       4 how many bytes of events, about, are enough (0: no limit), then clients
-- Returns {epoch or false, offset, revision, state or false, entries, refs}; refs as they are kept.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'rev')
if not m[1] then return {false} end
local state = false
if ARGV[1] ~= '*' and (m[1] ~= ARGV[1] or m[3] ~= ARGV[2]) then state = redis.call('HGETALL', KEYS[2]) end
local entries, from, bytes, limit = {}, '(' .. ARGV[3] .. '-0', 0, tonumber(ARGV[4])
local more = ARGV[3] ~= '' and tonumber(ARGV[3]) < tonumber(m[2])
while more do
  local part = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', 32)
  for _, e in ipairs(part) do
    if limit > 0 and bytes >= limit then break end
    entries[#entries + 1] = e[1]
    entries[#entries + 1] = e[2][2]
    from, bytes = '(' .. e[1], bytes + #e[2][2]
  end
  more = #part == 32 and (limit == 0 or bytes < limit)
end
local refs = {}
for i = 5, #ARGV do
  refs[#refs + 1] = redis.call('HGET', KEYS[4], ARGV[i]) or redis.call('HGET', KEYS[5], ARGV[i]) or '0'
end
return {m[1], m[2], m[3], state, entries, refs}
