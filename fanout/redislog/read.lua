-- read: a session as of one moment.
-- KEYS  as in append
-- ARGV  1 known epoch ('*': leave the state out), 2 known revision, 3 after ('' no history), 4 limit ('' none), then clients
-- Returns {epoch or false, ended or false}, or {epoch, ended or false, offset, revision, state or false, entries, refs}.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'rev', 'ended')
if not m[1] then return {false, m[4]} end
local state = false
if ARGV[1] ~= '*' and (m[1] ~= ARGV[1] or m[3] ~= ARGV[2]) then state = redis.call('HGETALL', KEYS[2]) end
local entries = {}
if ARGV[3] ~= '' and tonumber(ARGV[3]) < tonumber(m[2]) then
  local range = {'XRANGE', KEYS[3], '(' .. ARGV[3] .. '-0', '+'}
  if ARGV[4] ~= '' then range[5], range[6] = 'COUNT', ARGV[4] end
  for _, e in ipairs(redis.call(unpack(range))) do
    entries[#entries + 1] = e[1]
    entries[#entries + 1] = e[2][2]
  end
end
local refs = {}
for i = 5, #ARGV do
  local ref = redis.call('HGET', KEYS[4], ARGV[i]) or redis.call('HGET', KEYS[5], ARGV[i]) or '0'
  refs[#refs + 1] = string.match(ref, '^%d+')
end
return {m[1], m[4], m[2], m[3], state, entries, refs}
