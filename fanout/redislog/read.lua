-- read: a session as of one moment.
-- KEYS  as in append
-- ARGV  1 known epoch ('*': leave the state out), 2 known revision, 3 after ('' no history),
--       4 how many entries, and 5 how many bytes, about, are enough (0: no limit), then clients
-- Returns {epoch or false, ended or false}, or {epoch, ended or false, offset, revision, state or false, entries, refs}.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'rev', 'ended')
if not m[1] then return {false, m[4]} end
local state = false
if ARGV[1] ~= '*' and (m[1] ~= ARGV[1] or m[3] ~= ARGV[2]) then state = redis.call('HGETALL', KEYS[2]) end
local entries, from, n, bytes = {}, '(' .. ARGV[3] .. '-0', 0, 0
local limit, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local function enough() return limit > 0 and n >= limit or most > 0 and bytes >= most end
local more = ARGV[3] ~= '' and tonumber(ARGV[3]) < tonumber(m[2])
while more do
  local part = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', 32)
  for _, e in ipairs(part) do
    if enough() then break end
    entries[#entries + 1] = e[1]
    entries[#entries + 1] = e[2][2]
    from, n, bytes = '(' .. e[1], n + 1, bytes + #e[2][2]
  end
  more = #part == 32 and not enough()
end
local refs = {}
for i = 6, #ARGV do
  local kept = redis.call('HGET', KEYS[4], ARGV[i]) or redis.call('HGET', KEYS[5], ARGV[i]) or '0'
  refs[#refs + 1] = string.match(kept, '^[%d%- ]*') -- without the mark, see append
end
return {m[1], m[4], m[2], m[3], state, entries, refs}
