-- Where aged jobs stand when they are claimed, so that a release or a lapse brings them back there: how long they have
-- waited is known by nothing else. It is an extra: an ack forgets it with the others.
local function keep_places(prefix, ids)
    local known = redis.call('HGET', prefix .. 'meta', 'extras') or ''
    if not string.find(',' .. known, ',places,', 1, true) then
        redis.call('HSET', prefix .. 'meta', 'extras', known .. 'places,')
    end
    local scores = redis.call('ZMSCORE', prefix .. 'ready', unpack(ids))
    local args = {}
    for i = 1, #ids do
        args[2 * i - 1], args[2 * i] = ids[i], string.format('%d', scores[i])
    end
    redis.call('HSET', prefix .. 'places', unpack(args))
end
