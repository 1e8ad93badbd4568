#!lua name=LIBRARY
-- What of the money moves as one. LIBRARY is replaced by a name that depends on this text, so that processes of two
-- versions can share a Redis.
--
-- A function checks everything before it writes anything: Redis undoes nothing when a function fails in the middle.
-- Amounts are 32 bytes, big-endian; records are laid out as in package record. Keys come as arguments, all of them in
-- one hash slot.

-- Libraries are there when a function runs, not yet when it is loaded.
local function call(...) return redis.call(...) end
local function zeros(n) return string.rep('\0', n) end

local WORDS = '>I2I6I6I6I6I6'           -- 48 bits a word: doubles hold 53
local ALIVE_FOR = 15000                 -- ms a process may be silent before its epochs are taken over
local REDEEM_SILENT = 10000             -- ms a process may be silent before another one redeems
local REDEEM_FOR = 60000                -- ms for which a process is the only one that redeems without asking for winners again
local SWEEP = 1000                      -- promises that one call forgets at most

local function base(i)
  return i == 1 and 65536 or 281474976710656
end

-- long_add is a + b, or nil where 256 bits do not hold it.
local function long_add(a, b)
  local x, y, carry = {struct.unpack(WORDS, a)}, {struct.unpack(WORDS, b)}, 0
  for i = 6, 1, -1 do
    local sum = x[i] + y[i] + carry
    carry = sum >= base(i) and 1 or 0
    x[i] = sum - carry * base(i)
  end
  return carry == 0 and struct.pack(WORDS, unpack(x, 1, 6)) or nil
end

-- long_sub is a - b, or nil where that is negative.
local function long_sub(a, b)
  local x, y, borrow = {struct.unpack(WORDS, a)}, {struct.unpack(WORDS, b)}, 0
  for i = 6, 1, -1 do
    local rest = x[i] - y[i] - borrow
    borrow = rest < 0 and 1 or 0
    x[i] = rest + borrow * base(i)
  end
  return borrow == 0 and struct.pack(WORDS, unpack(x, 1, 6)) or nil
end

-- Nearly all amounts are below 2^96: so add and sub look at the last two words first, which is three times as fast.
local NO_MORE = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
local TWO_WORDS, WORD = '>I6I6', 281474976710656

-- add is a + b, or nil where 256 bits do not hold it.
local function add(a, b)
  if b:sub(1, 20) == NO_MORE then
    local x1, x2 = struct.unpack(TWO_WORDS, a, 21)
    local y1, y2 = struct.unpack(TWO_WORDS, b, 21)
    x1, x2 = x1 + y1, x2 + y2
    if x2 >= WORD then x1, x2 = x1 + 1, x2 - WORD end
    if x1 < WORD then return a:sub(1, 20) .. struct.pack(TWO_WORDS, x1, x2) end
  end
  return long_add(a, b)
end

-- sub is a - b, or nil where that is negative.
local function sub(a, b)
  if b:sub(1, 20) == NO_MORE then
    local x1, x2 = struct.unpack(TWO_WORDS, a, 21)
    local y1, y2 = struct.unpack(TWO_WORDS, b, 21)
    x1, x2 = x1 - y1, x2 - y2
    if x2 < 0 then x1, x2 = x1 - 1, x2 + WORD end
    if x1 >= 0 then return a:sub(1, 20) .. struct.pack(TWO_WORDS, x1, x2) end
  end
  return long_sub(a, b)
end

-- What many calls of a batch touch is read once, and written once, at its end: senders' books, bitmaps of nonces, floors
-- of lanes. A batch is the names of its keys, and what it knows of these three.
local function forget(k)
  k.books, k.bitmaps, k.known_floors, k.changed, k.needed_till = {}, {}, {}, {}, {}
end

-- write_back writes what was changed.
local function write_back(k)
  for sender in pairs(k.changed) do
    local b = k.books[sender]
    call('HSET', k.senders, sender, b.paid .. b.owed .. b.bad .. b.pending)
  end
  for block, expiry in pairs(k.needed_till) do
    call('HSET', k.nonces, block, k.bitmaps[block])
    call('ZADD', k.blocks, 'GT', expiry, block)
  end
  forget(k)
end

-- books are what a sender has paid, owes and never paid (bad), and what its winners pay that are pending. Who changes
-- them says so: k.changed.
local function books(k, sender)
  local b = k.books[sender]
  if not b then
    local s = call('HGET', k.senders, sender) or zeros(128)
    b = {paid = s:sub(1, 32), owed = s:sub(33, 64), bad = s:sub(65, 96), pending = s:sub(97, 128)}
    k.books[sender] = b
  end
  return b
end

local function unbalanced()
  return redis.error_reply('BOOKS the books of the sender do not balance, or exceed 256 bits')
end

local function now()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function starting_with(index, prefix)
  return call('ZRANGEBYLEX', index, '[' .. prefix, '[' .. prefix .. string.rep('\255', 33))
end

-- A stored charge is state, won, charge, and its ticket where it is paid.
local OPEN, PAID, WRITTEN_OFF = '\0', '\1', '\2'

local function charge_fee(c) return c:sub(115, 146) end
local function charge_sender(c) return c:sub(79, 98) end
local function charge_key(c) return c:sub(3, 46) end
local function charge_epoch(c) return c:sub(3, 34) .. c:sub(147, 154) end

-- A stored winner is state, gas, paid, tx, winner and reason.
local HELD, READY, REDEEMED, LOST = '\0', '\1', '\2', '\3'
local WINNER = 98 -- where the winner begins

-- An open epoch is its last expiry, the Redis that it is safe in (run), and its holder.
local function parse_epoch(e)
  return e:match('^(%d+) (%S+) (.*)$')
end

-- close ends an epoch for ever: its winners can be redeemed; its open charges are written off, or forgiven: then nobody
-- is blamed. It returns the charges, or nil where the books do not balance.
local function close(k, id, forgive)
  local open, senders, charges = starting_with(k.open, id), {}, {}
  for i, member in ipairs(open) do
    local receipt = member:sub(41)
    local c = call('HGET', k.charges, receipt)
    local sender, fee = charge_sender(c), charge_fee(c)
    local b = senders[sender] or books(k, sender)
    local owed, bad = sub(b.owed, fee), forgive and b.bad or add(b.bad, fee)
    if not owed or not bad then return nil end
    senders[sender] = {owed = owed, bad = bad}
    charges[i] = {receipt = receipt, stored = c}
  end
  local e = call('HGET', k.epochs, id)
  local expiry = e and parse_epoch(e) or '0'
  local written = {}
  for i, c in ipairs(charges) do
    call('HSET', k.charges, c.receipt, WRITTEN_OFF .. c.stored:sub(2))
    call('ZREM', k.open, open[i])
    call('ZADD', k.settled, expiry, 'c' .. c.receipt)
    written[i] = c.stored:sub(3)
  end
  for sender, new in pairs(senders) do
    local b = books(k, sender)
    b.owed, b.bad, k.changed[sender] = new.owed, new.bad, true
  end
  for _, member in ipairs(starting_with(k.held, id)) do
    local receipt = member:sub(41)
    local w = call('HGET', k.winners, receipt)
    call('HSET', k.winners, receipt, READY .. w:sub(2))
    call('ZREM', k.held, member)
    local due = math.min(struct.unpack('>I8', w, WINNER + 192), 17179869183) -- the ticket's expiry
    call('ZADD', k.queue, due, receipt)
    call('ZADD', k.expiring, due, receipt)
  end
  call('HDEL', k.epochs, id)
  if call('HSETNX', k.closed, id, '') == 1 then call('ZADD', k.settled, expiry, 'e' .. id) end
  return written
end

-- The keys, in the order in which they come.
local NAMES = {
  'sessions', 'alive', 'meta', 'epochs', 'closed', 'open', 'charges', 'keys', 'senders', 'held', 'winners', 'queue', 'expiring',
  'settled', 'nonces', 'blocks', 'floors', 'tickets', 'due', 'lanes', 'promises', 'promised', 'lapsing',
}

local function named(keys)
  local k = {}
  for i, name in ipairs(NAMES) do k[name] = keys[i] end
  forget(k)
  return k
end

-- join begins a session of a holder, or goes on with one whose acknowledged writes are all here.
--
-- A session is its name and the number of its last write. Each write says which it follows: so a process learns from its
-- next write that Redis has lost one, whatever became of Redis in between. Names grow with time.
local function join(keys, args)
  local k = named(keys)
  local holder, session, least, most, secret, fresh = unpack(args)
  local info = call('INFO', 'server', 'memory', 'persistence')
  local run, policy = info:match('run_id:(%x+)'), info:match('maxmemory_policy:(%S+)')
  if policy and policy:find('^allkeys') then
    return redis.error_reply('POLICY maxmemory-policy is ' .. policy .. ': Redis would throw money away')
  end
  local version = call('HGET', k.meta, 'version')
  if version and version ~= '1' then
    return redis.error_reply('VERSION ' .. version .. ' wrote it, this castnet knows 1')
  end
  local found = call('HGET', k.sessions, holder)
  local name, number = (found or ''):match('^(%S+) (%d+)$')
  if name and name > session then return redis.error_reply('TAKEN by a process that began later') end
  call('HSET', k.meta, 'version', '1')
  if secret ~= '' then call('HSETNX', k.meta, 'secret', secret) end
  call('HSET', k.alive, holder, now())
  local resumed = name == session and tonumber(number) >= tonumber(least) and tonumber(number) <= tonumber(most)
  -- The first join of a process has nothing to compare. Later ones have lost something where they cannot resume.
  local lost = least ~= '0' and not resumed
  local all = call('HGETALL', k.epochs)
  for i = 1, #all, 2 do
    local expiry, safe_in, owner = parse_epoch(all[i + 1])
    if owner == holder then
      if resumed then
        call('HSET', k.epochs, all[i], expiry .. ' ' .. run .. ' ' .. holder)
      elseif lost or safe_in ~= run then
        close(k, all[i], true) -- it may have been closed before, and its rand be known
      end
    end
  end
  local kept = info:match('aof_enabled:(%d)') or ''
  write_back(k)
  if resumed then return {session, number, run, kept} end
  call('HSET', k.sessions, holder, fresh .. ' 1')
  return {fresh, '1', run, kept}
end
redis.register_function('LIBRARY_join', join)

-- calls are what a batch is made of. Each gets the batch and its own arguments; the batch says who calls (holder) and
-- which Redis answers (run).
local calls = {}

-- batch runs calls as the next write of a session. Its first arguments are the holder, the session as it must be, as it
-- is then, and the Redis that answers; then come, for each call, its name, the number of its arguments, and these. It
-- returns what each call gave. One that refuses has written nothing; the others are not hurt.
local function batch(keys, args)
  local k = named(keys)
  if call('HGET', k.sessions, args[1]) ~= args[2] then return redis.error_reply('LOST the session') end
  call('HSET', k.sessions, args[1], args[3])
  k.holder, k.run = args[1], args[4]
  local replies, i = {}, 5
  while i <= #args do
    local last = i + 1 + args[i + 1]
    local done, reply = pcall(calls[args[i]], k, {unpack(args, i + 2, last)})
    if not done then
      reply = redis.error_reply('FAILED ' .. args[i] .. ': ' .. tostring(type(reply) == 'table' and reply.err or reply))
    end
    replies[#replies + 1] = reply
    i = last + 1
  end
  write_back(k)
  return replies
end
redis.register_function('LIBRARY_batch', batch)

function calls.touch(k)
  call('HSET', k.alive, k.holder, now())
  return 'OK'
end

-- Lanes. id <holder> is its lane; lane <id> is term, ceiling and the Redis that both are safe in.

function calls.lane(k, args)
  local who, fresh = unpack(args)
  local id = call('HGET', k.lanes, 'id ' .. who)
  local term, ceiling, safe_in = 0, 0, k.run
  if id then
    term, ceiling, safe_in = call('HGET', k.lanes, 'lane ' .. id):match('^(%d+) (%d+) (%S+)$')
  end
  if not id or safe_in ~= k.run then -- its ceiling may have been higher: a new lane costs nothing
    id, ceiling = fresh, 0
    call('HSET', k.lanes, 'id ' .. who, id)
  end
  call('HSET', k.lanes, 'lane ' .. id, (term + 1) .. ' ' .. string.format('%.0f', ceiling) .. ' ' .. k.run)
  return {id, tostring(term + 1)}
end

function calls.reserve(k, args)
  local id, term, n, known = unpack(args)
  local lane = call('HGET', k.lanes, 'lane ' .. id)
  if not lane then lane = term .. ' 0 ' .. k.run end -- Redis was emptied; the caller knows how far it is
  local found, ceiling = lane:match('^(%d+) (%d+)')
  if found ~= term then return redis.error_reply('LANE ' .. id) end
  local first = math.max(tonumber(ceiling), tonumber(known))
  call('HSET', k.lanes, 'lane ' .. id, string.format('%s %.0f %s', term, first + n, k.run))
  return string.format('%.0f', first)
end

function calls.save(k, args)
  local key, ticket, expiry = unpack(args)
  if call('HSETNX', k.tickets, key, ticket) == 0 then return call('HGET', k.tickets, key) end
  call('ZADD', k.due, expiry, key)
  return ticket
end

function calls.secret(k, args)
  call('HSETNX', k.meta, 'secret', args[1])
  return call('HGET', k.meta, 'secret')
end

function calls.bill(k, args)
  local receipt, key, epoch, sender, charge, expiry = unpack(args)
  local e = call('HGET', k.epochs, epoch)
  local last, _, owner
  if e then last, _, owner = parse_epoch(e) end
  if (e and owner ~= k.holder) or call('HEXISTS', k.closed, epoch) == 1 then return redis.error_reply('EPOCH closed') end
  if call('HEXISTS', k.keys, key) == 1 or call('HEXISTS', k.charges, receipt) == 1 then return redis.error_reply('EXISTS already') end
  local stored = OPEN .. '\0' .. charge
  local b = books(k, sender)
  local owed = add(b.owed, charge_fee(stored))
  if not owed then return unbalanced() end
  if not last or tonumber(last) < tonumber(expiry) then
    call('HSET', k.epochs, epoch, expiry .. ' ' .. k.run .. ' ' .. k.holder)
  end
  call('HSET', k.keys, key, receipt)
  call('HSET', k.charges, receipt, stored)
  call('ZADD', k.open, 0, epoch .. receipt)
  b.owed, k.changed[sender] = owed, true
  return 'OK'
end

-- use_nonce is the bitmap with a nonce marked, or nil where it was used. Bits are counted from 0.
local function use_nonce(k, lane, block, bit_number)
  local floor = k.known_floors[lane]
  if floor == nil then
    floor = call('HGET', k.floors, lane)
    k.known_floors[lane] = floor
  end
  if floor then
    local f1, f2, f3 = struct.unpack('>I4I4I2', floor)
    local b1, b2 = struct.unpack('>I4I4', block)
    if b1 < f1 or b1 == f1 and (b2 < f2 or b2 == f2 and bit_number <= f3) then return nil end
  end
  local bits = k.bitmaps[lane .. block] or call('HGET', k.nonces, lane .. block) or zeros(128)
  local at = math.floor(bit_number / 8) + 1
  local byte, mask = bits:byte(at), bit.lshift(1, bit_number % 8)
  if bit.band(byte, mask) ~= 0 then return nil end
  return bits:sub(1, at - 1) .. string.char(bit.bor(byte, mask)) .. bits:sub(at + 1)
end

function calls.accept(k, args)
  local receipt, ticket, lane, block, bit_number, expiry, winner, pays = unpack(args)
  local c = call('HGET', k.charges, receipt)
  if not c then return redis.error_reply('NOTFOUND here') end
  if c:sub(1, 1) ~= OPEN then return redis.error_reply('ANSWERED already') end
  local bits = use_nonce(k, lane, block, tonumber(bit_number))
  if not bits then return redis.error_reply('NONCE used') end
  local sender, fee, epoch, won = charge_sender(c), charge_fee(c), charge_epoch(c), winner ~= ''
  local b = books(k, sender)
  local paid, owed, pending = add(b.paid, fee), sub(b.owed, fee), won and add(b.pending, pays) or not won and b.pending
  if not paid or not owed or not pending then return unbalanced() end
  call('HSET', k.charges, receipt, PAID .. (won and '\1' or '\0') .. c:sub(3) .. ticket)
  call('ZREM', k.open, epoch .. receipt)
  block = lane .. block
  k.bitmaps[block], k.needed_till[block] = bits, math.max(tonumber(expiry), k.needed_till[block] or 0)
  b.paid, b.owed, b.pending, k.changed[sender] = paid, owed, pending, true
  if won then
    call('HSET', k.winners, receipt, HELD .. zeros(96) .. winner)
    call('ZADD', k.held, 0, epoch .. receipt)
  else
    call('ZADD', k.settled, expiry, 'c' .. receipt)
  end
  return 'OK'
end

-- open returns the epochs of this holder, those of processes that are gone included, each with its open charges.
function calls.open(k)
  local mine, at = {}, now()
  local all = call('HGETALL', k.epochs)
  for i = 1, #all, 2 do
    local id = all[i]
    local expiry, safe_in, owner = parse_epoch(all[i + 1])
    local takes = owner == k.holder or at - (call('HGET', k.alive, owner) or 0) > ALIVE_FOR
    if takes and safe_in ~= k.run then
      close(k, id, true)
    elseif takes then
      call('HSET', k.epochs, id, expiry .. ' ' .. k.run .. ' ' .. k.holder)
      local entry = {id}
      for _, member in ipairs(starting_with(k.open, id)) do
        entry[#entry + 1] = call('HGET', k.charges, member:sub(41)):sub(3)
      end
      mine[#mine + 1] = entry
    end
  end
  return mine
end

function calls.close(k, args)
  return close(k, args[1], false) or unbalanced()
end

function calls.resolve(k, args)
  local receipt, status, gas, paid, tx, reason, sender, pays, expiry = unpack(args)
  local w = call('HGET', k.winners, receipt)
  if not w then return redis.error_reply('NOTFOUND here') end
  if w:sub(1, 1) ~= READY then return redis.error_reply('ANSWERED already') end
  local spent = add(w:sub(2, 33), gas)
  if not spent then return unbalanced() end
  local winner = w:sub(WINNER, WINNER + 344)
  if status == 'open' then
    call('HSET', k.winners, receipt, READY .. spent .. w:sub(34, 97) .. winner .. reason)
    call('ZINCRBY', k.queue, 17179869184, receipt) -- those that were tried less often come first
    return 'OK'
  end
  local b = books(k, sender)
  local pending = sub(b.pending, pays)
  if not pending then return unbalanced() end
  b.pending, k.changed[sender] = pending, true
  call('HSET', k.winners, receipt, (status == 'paid' and REDEEMED or LOST) .. spent .. paid .. tx .. winner .. reason)
  call('ZREM', k.queue, receipt)
  call('ZREM', k.expiring, receipt)
  call('ZADD', k.settled, expiry, 'c' .. receipt)
  return 'OK'
end

-- redeem returns the head of the queue to the one process that redeems; the others get nothing while that one lives and
-- asks for winners now and then.
function calls.redeem(k, args)
  local at = now()
  local till, who = (call('HGET', k.meta, 'redeemer') or ''):match('^(%d+) (.*)$')
  if who and who ~= k.holder and tonumber(till) > at and at - (call('HGET', k.alive, who) or 0) <= REDEEM_SILENT then return {} end
  call('HSET', k.meta, 'redeemer', string.format('%.0f %s', at + REDEEM_FOR, k.holder))
  local head = call('ZRANGE', k.queue, 0, args[1] - 1)
  for i, receipt in ipairs(head) do
    head[i] = call('HGET', k.winners, receipt):sub(WINNER, WINNER + 344)
  end
  return head
end

-- highest is the highest bit that is set, counted from 0; as 2 bytes.
local function highest(bits)
  for at = 128, 1, -1 do
    local byte = bits:byte(at)
    if byte ~= 0 then
      local n = 7
      while bit.band(byte, bit.lshift(1, n)) == 0 do n = n - 1 end
      return struct.pack('>I2', (at - 1) * 8 + n)
    end
  end
  return '\0\0'
end

-- prune forgets what is settled and expired before a time, at most limit of each kind. Of nonces it keeps the highest:
-- all up to it count as used.
function calls.prune(k, args)
  write_back(k) -- it looks at what is stored
  local before, limit = '(' .. args[1], args[2]
  local function old(index) return call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, limit) end
  local removed = 0
  for _, key in ipairs(old(k.due)) do
    call('HDEL', k.tickets, key)
    call('ZREM', k.due, key)
    removed = removed + 1
  end
  for _, member in ipairs(old(k.settled)) do
    local kind, name = member:sub(1, 1), member:sub(2)
    if kind == 'c' then
      call('HDEL', k.keys, charge_key(call('HGET', k.charges, name)))
      call('HDEL', k.charges, name)
      call('HDEL', k.winners, name)
    else
      call('HDEL', k.closed, name)
    end
    call('ZREM', k.settled, member)
    removed = removed + 1
  end
  for _, member in ipairs(old(k.blocks)) do
    local lane = member:sub(1, 28)
    local floor, block = call('HGET', k.floors, lane), member:sub(29) .. highest(call('HGET', k.nonces, member))
    local f1, f2 = struct.unpack('>I4I4', floor or zeros(8))
    local b1, b2 = struct.unpack('>I4I4', block)
    if not floor or b1 > f1 or b1 == f1 and b2 >= f2 then call('HSET', k.floors, lane, block) end
    call('HDEL', k.nonces, member)
    call('ZREM', k.blocks, member)
    removed = removed + 1
  end
  return removed
end

-- Promises. promises <lease> is the sender and the amount, promised <sender> their sum; lapsing has the leases by the
-- millisecond of Unix time in which a promise ends that nobody keeps.

local function take_promise(k, lease)
  local p = call('HGET', k.promises, lease)
  if not p then return end
  local sender, amount = p:sub(1, 20), p:sub(21)
  local sum = sub(call('HGET', k.promised, sender) or zeros(32), amount)
  if sum and sum ~= zeros(32) then
    call('HSET', k.promised, sender, sum)
  else
    call('HDEL', k.promised, sender)
  end
  call('HDEL', k.promises, lease)
  call('ZREM', k.lapsing, lease)
end

local function give_promise(k, lease, sender, amount, till)
  take_promise(k, lease)
  local sum = add(call('HGET', k.promised, sender) or zeros(32), amount)
  if not sum then return false end
  call('HSET', k.promised, sender, sum)
  call('HSET', k.promises, lease, sender .. amount)
  call('ZADD', k.lapsing, till, lease)
  return true
end

-- promised is the sum of a sender's promises, those of some leases left out.
local function promised(k, sender, at, ...)
  for _, lease in ipairs(call('ZRANGEBYSCORE', k.lapsing, '-inf', at, 'LIMIT', 0, SWEEP)) do take_promise(k, lease) end
  local sum = call('HGET', k.promised, sender) or zeros(32)
  for _, lease in ipairs({...}) do
    local p = call('HGET', k.promises, lease)
    if p and p:sub(1, 20) == sender then sum = sub(sum, p:sub(21)) or zeros(32) end
  end
  return sum
end

-- promise promises a lease an amount of what backs its sender, if so much is free. It returns what was free.
function calls.promise(k, args)
  local lease, renews, sender, amount, backed, at, till = unpack(args)
  local free = sub(backed, books(k, sender).pending)
  free = free and sub(free, promised(k, sender, at, lease, renews)) or zeros(32)
  if sub(free, amount) and not give_promise(k, lease, sender, amount, till) then return unbalanced() end
  return free
end

function calls.promised(k, args)
  local sender, at, renews = unpack(args)
  return promised(k, sender, at, renews)
end

-- keep prolongs promises, and gives those again that Redis has lost or let lapse.
function calls.keep(k, args)
  for i = 2, #args, 3 do give_promise(k, args[i], args[i + 1], args[i + 2], args[1]) end
  return 'OK'
end

function calls.release(k, args)
  for _, lease in ipairs(args) do take_promise(k, lease) end
  return 'OK'
end

-- snapshot copies every key to the one that follows it, as of one moment.
redis.register_function('LIBRARY_snapshot', function(keys)
  for i = 1, #keys, 2 do call('COPY', keys[i], keys[i + 1], 'REPLACE') end
  return 'OK'
end)
