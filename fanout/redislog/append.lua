-- append: one atomic change of a session.
-- KEYS  meta (hash), state (hash), log (stream), refs (hash), older refs (hash): one hash tag
-- ARGV  1 PUBLISH or SPUBLISH, 2 channel, 3 now in ms, 4 ttl in ms, 5 history,
--       6 an epoch to use if a new one is needed, 7 known epoch, 8 known offset,
--       9 expected epoch ('*': any), 10 expected revision,
--       11 flags (c: create, e: end), and behind an @, if the log must be at a position, '<epoch> <offset>'
--       12 number of fields, then field and value of each ('' deletes),
--       then for each item: client, ref or '<ref> <mark>', events, records, by
-- Returns {outcome, epoch, offset, revision, first, then claims, or ended, or state, or repeats, marks, skipped, claimed}.
-- Of each client the refs are kept as the highest that took effect, then the gaps below it,
-- which did not and never will: '<ref> <first>-<last> …'; then, if a connection has claimed the
-- client, ' @<by>'; then, if the highest has a mark, ' =<offset of its last event> <mark>'.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'rev', 'marked', 'mark', 'ended')
local epoch, offset, rev = m[1], tonumber(m[2] or 0), tonumber(m[3] or 0)
local born, reset = not epoch, false
local flags, at = ARGV[11], string.find(ARGV[11], '@', 1, true)
if at then flags, at = string.sub(flags, 1, at - 1), string.sub(flags, at + 1) end
if born then
  if not string.find(flags, 'c', 1, true) then return {'missing', '', 0, 0, 0, m[6] or ''} end
  redis.call('DEL', unpack(KEYS, 2)) -- leftovers, if only the meta was evicted
elseif epoch == ARGV[7] and offset < tonumber(ARGV[8]) then
  reset = true -- the log is behind what it once acknowledged
end

local function number(ref) return tonumber(ref) or tonumber(string.match(ref, '^%d+')) end

local fields = tonumber(ARGV[12])
local firstItem = 13 + 2 * fields
local clients, claims, repeats, marks, skipped, claimed = {}, {}, {}, {}, {}, {}
for i = firstItem, #ARGV, 5 do
  local ref, by = number(ARGV[i + 1]), ARGV[i + 4]
  if ref > 0 or by ~= '' then
    local c = clients[ARGV[i]]
    if not c then
      local kept = redis.call('HGET', KEYS[4], ARGV[i]) or redis.call('HGET', KEYS[5], ARGV[i]) or '0'
      local last, gaps, owner, mark = string.match(kept, '^(%d+)([%d%- ]*)@?([^ =]*) ?=?(.*)$')
      c = {last = tonumber(last), gaps = string.gsub(gaps, ' $', ''), by = owner, mark = mark}
      clients[ARGV[i]] = c
    end
    local item = (i - firstItem) / 5
    if ref == 0 then
      c.by = by
      claims[#claims + 1] = string.format('%.0f', c.last) .. c.gaps
    elseif ref <= c.last then
      repeats[#repeats + 1], marks[#marks + 1] = item, c.mark
      for from, to in string.gmatch(c.gaps, '(%d+)%-(%d+)') do
        if ref >= tonumber(from) and ref <= tonumber(to) then skipped[#skipped + 1] = item end
      end
    elseif by ~= '' and c.by ~= '' and by ~= c.by then
      repeats[#repeats + 1], marks[#marks + 1], claimed[#claimed + 1] = item, c.mark, item
    else
      if ref > c.last + 1 then
        local _, n = string.gsub(c.gaps, '%-', '')
        if n >= 256 then c.gaps = string.gsub(c.gaps, '^ %S+', '') end
        c.gaps = c.gaps .. string.format(' %.0f-%.0f', c.last + 1, ref - 1)
      end
      c.last, c.mark = ref, ''
    end
  end
end
if #repeats > 0 then return {'repeated', epoch or '', offset, rev, 0, repeats, marks, skipped, claimed} end

if ARGV[9] ~= '*' and (ARGV[9] ~= (epoch or '') or tonumber(ARGV[10]) ~= rev) then
  return {'conflict', epoch or '', offset, rev, 0, redis.call('HGETALL', KEYS[2])}
end
if at and at ~= (epoch or '') .. ' ' .. offset then return {'moved', epoch or '', offset, rev, 0} end

if born or reset then epoch = ARGV[6] end
local first, stored, sent = offset + 1, {}, {}
for i = firstItem, #ARGV, 5 do
  local events = tonumber(ARGV[i + 2])
  if events > 0 then
    offset = offset + events
    stored[#stored + 1] = ARGV[i + 3]
  end
  if ARGV[i + 3] ~= '' then sent[#sent + 1] = ARGV[i + 3] end
  local mark = string.match(ARGV[i + 1], '^%d+ (.*)$')
  if mark then clients[ARGV[i]].mark = offset .. ' ' .. mark end
end
for client, c in pairs(clients) do
  local kept = string.format('%.0f', c.last) .. c.gaps
  if c.by ~= '' then kept = kept .. ' @' .. c.by end
  if c.mark ~= '' then kept = kept .. ' =' .. c.mark end
  redis.call('HSET', KEYS[4], client, kept)
end
if #stored > 0 then
  redis.call('XADD', KEYS[3], 'MINID', '~', math.max(0, offset - tonumber(ARGV[5])), offset .. '-0', 'r', table.concat(stored))
else
  first = 0
end
if fields > 0 then
  rev = rev + 1
  for i = 13, firstItem - 1, 2 do
    if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
  end
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', offset, 'rev', rev)

-- Once in a ttl what is older than the last mark goes: events, and refs of clients that are gone.
local now, ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local marked = tonumber(m[4] or 0)
if now - marked >= ttl then
  if marked > 0 then
    redis.call('XTRIM', KEYS[3], 'MINID', m[5])
    redis.call('DEL', KEYS[5])
    if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('RENAME', KEYS[4], KEYS[5]) end
  end
  redis.call('HSET', KEYS[1], 'marked', now, 'mark', offset)
end
for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end

if reset or #sent > 0 or fields > 0 then
  redis.call(ARGV[1], ARGV[2], table.concat({epoch, first, offset, rev}, ' ') .. '\n' .. table.concat(sent))
end
if string.find(flags, 'e', 1, true) then
  redis.call('DEL', unpack(KEYS))
  redis.call('HSET', KEYS[1], 'ended', m[1] or epoch)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return {'took', epoch, offset, rev, first, claims}
