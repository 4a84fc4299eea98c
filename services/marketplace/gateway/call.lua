-- Reads the body of POST /api/v1/services/{id}/call: {"endpoint": name, "payload": any}.
--
-- The payload reaches the service byte for byte, so the body is scanned, not parsed: the scanner
-- checks the whole text against RFC 8259 and remembers where the payload begins and ends. It keeps
-- its own stack, so that nesting costs memory and never the interpreter's stack.

local byte, char, find, sub = string.byte, string.char, string.find, string.sub

local MAX_DEPTH = 1000
local QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
local OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 123, 125, 91, 93
local ESCAPES = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}
local LITERALS = { [116] = "true", [102] = "false", [110] = "null" }

-- Errors are thrown as tables, so that they cannot be mistaken for a mistake in this script.
local function fail(message)
  error({ message = message }, 0)
end

local function skip_space(text, at)
  local c = byte(text, at)
  while c == 32 or c == 10 or c == 13 or c == 9 do
    at = at + 1
    c = byte(text, at)
  end
  return at, c
end

-- Returns the position after the string that begins at `at`, and whether it has escapes.
local function skip_string(text, at)
  local escaped = false
  local from = at + 1
  while true do
    local stop = find(text, '[%z\1-\31"\\]', from)
    if not stop then
      fail("a string that begins at byte " .. at .. " does not end")
    end
    local c = byte(text, stop)
    if c == QUOTE then
      return stop + 1, escaped
    elseif c ~= BACKSLASH then
      fail("control character in a string at byte " .. stop)
    end
    escaped = true
    local follows = sub(text, stop + 1, stop + 1)
    if follows == "u" then
      if not find(text, "^%x%x%x%x", stop + 2) then
        fail("\\u without four hexadecimal digits at byte " .. stop)
      end
      from = stop + 6
    elseif ESCAPES[follows] then
      from = stop + 2
    else
      fail("unknown escape at byte " .. stop)
    end
  end
end

local function utf8_char(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return char(
      0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40
    )
  end
  return char(
    0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40,
    0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40
  )
end

-- Returns the value of the string literal text[first..last], quotes included.
local function string_value(text, first, last, escaped)
  local raw = sub(text, first + 1, last - 1)
  if not escaped then
    return raw
  end
  raw = raw:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(high, low)
    local code = 0x10000 + (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
    return utf8_char(code)
  end)
  return (raw:gsub("\\(.)(%x?%x?%x?%x?)", function(kind, digits)
    if kind == "u" then
      return utf8_char(tonumber(digits, 16))
    end
    return ESCAPES[kind] .. digits
  end))
end

local function skip_number(text, at)
  local _, stop = find(text, "^-?%d+", at)
  if not stop then
    fail("no JSON value at byte " .. at)
  end
  if find(text, "^-?0%d", at) then
    fail("a number with a leading zero at byte " .. at)
  end
  if byte(text, stop + 1) == 46 then
    local _, fraction = find(text, "^%.%d+", stop + 1)
    if not fraction then
      fail("a number without digits after its point at byte " .. at)
    end
    stop = fraction
  end
  if find(text, "^[eE]", stop + 1) then
    local _, exponent = find(text, "^[eE][+-]?%d+", stop + 1)
    if not exponent then
      fail("a number without digits in its exponent at byte " .. at)
    end
    stop = exponent
  end
  return stop + 1
end

local function skip_key(text, at, c)
  if c ~= QUOTE then
    fail("a key in double quotes is missing at byte " .. at)
  end
  at = skip_string(text, at)
  at, c = skip_space(text, at)
  if c ~= COLON then
    fail("':' is missing at byte " .. at)
  end
  return skip_space(text, at + 1)
end

-- Returns the position after the value that begins at `at`, whose first byte is `c`.
local function skip_value(text, at, c)
  local stack, depth = {}, 0
  while true do
    local closed = false
    if c == QUOTE then
      at = skip_string(text, at)
    elseif c == OPEN_OBJECT or c == OPEN_ARRAY then
      depth = depth + 1
      if depth > MAX_DEPTH then
        fail("nested deeper than " .. MAX_DEPTH .. " at byte " .. at)
      end
      stack[depth] = c
      local close = c == OPEN_OBJECT and CLOSE_OBJECT or CLOSE_ARRAY
      at, c = skip_space(text, at + 1)
      if c == close then
        closed = true
      else
        if close == CLOSE_OBJECT then
          at, c = skip_key(text, at, c)
        end
        goto value
      end
    elseif LITERALS[c] then
      local literal = LITERALS[c]
      if sub(text, at, at + #literal - 1) ~= literal then
        fail("no JSON value at byte " .. at)
      end
      at = at + #literal
    else
      at = skip_number(text, at)
    end
    -- A value has ended: close what ends with it, until another value must follow.
    while true do
      if closed then
        depth = depth - 1
        at = at + 1
        closed = false
      end
      if depth == 0 then
        return at
      end
      at, c = skip_space(text, at)
      local object = stack[depth] == OPEN_OBJECT
      if c == COMMA then
        at, c = skip_space(text, at + 1)
        if object then
          at, c = skip_key(text, at, c)
        end
        break
      elseif c == (object and CLOSE_OBJECT or CLOSE_ARRAY) then
        closed = true
      else
        fail("',' or the end of an " .. (object and "object" or "array") ..
          " is missing at byte " .. at)
      end
    end
    ::value::
  end
end

-- Unicode, table 3-7: the byte sequences that are well-formed UTF-8.
local function check_utf8(text)
  local at = find(text, "[\128-\255]")
  while at do
    local rest = sub(text, at, at + 3)
    local length
    if find(rest, "^[\194-\223][\128-\191]") then
      length = 2
    elseif find(rest, "^\224[\160-\191][\128-\191]") or find(rest, "^\237[\128-\159][\128-\191]")
      or find(rest, "^[\225-\236\238\239][\128-\191][\128-\191]") then
      length = 3
    elseif find(rest, "^\240[\144-\191][\128-\191][\128-\191]")
      or find(rest, "^[\241-\243][\128-\191][\128-\191][\128-\191]")
      or find(rest, "^\244[\128-\143][\128-\191][\128-\191]") then
      length = 4
    else
      fail("not UTF-8 at byte " .. at)
    end
    at = find(text, "[\128-\255]", at + length)
  end
end

-- Returns the endpoint's name and the payload's text, nil where there is none.
local function read_call(text)
  check_utf8(text)
  local at, c = skip_space(text, 1)
  if c ~= OPEN_OBJECT then
    fail('the body must be a JSON object: {"endpoint": "<name>", "payload": <any>}')
  end
  local endpoint, payload
  at, c = skip_space(text, at + 1)
  while c ~= CLOSE_OBJECT do
    if c ~= QUOTE then
      fail("a key in double quotes is missing at byte " .. at)
    end
    local after, escaped = skip_string(text, at)
    local key = string_value(text, at, after - 1, escaped)
    at, c = skip_space(text, after)
    if c ~= COLON then
      fail("':' is missing at byte " .. at)
    end
    at, c = skip_space(text, at + 1)
    if key == "endpoint" then
      if endpoint then
        fail("'endpoint' is there twice")
      elseif c ~= QUOTE then
        fail("'endpoint' must be a string")
      end
      after, escaped = skip_string(text, at)
      endpoint = string_value(text, at, after - 1, escaped)
    elseif key == "payload" then
      if payload then
        fail("'payload' is there twice")
      end
      after = skip_value(text, at, c)
      payload = sub(text, at, after - 1)
    else
      fail("the body has a key besides 'endpoint' and 'payload'")
    end
    at, c = skip_space(text, after)
    if c == COMMA then
      at, c = skip_space(text, at + 1)
      if c == CLOSE_OBJECT then
        fail("a key in double quotes is missing at byte " .. at)
      end
    elseif c ~= CLOSE_OBJECT then
      fail("',' or the end of an object is missing at byte " .. at)
    end
  end
  if skip_space(text, at + 1) <= #text then
    fail("text after the end of the object")
  elseif not endpoint then
    fail("'endpoint' is missing")
  end
  return endpoint, payload
end

local INVALID = '{"code":3,"message":"%s","details":[{"@type":"type.googleapis.com/' ..
  'google.rpc.ErrorInfo","reason":"INVALID_CALL","domain":"ai-platform",' ..
  '"metadata":{"source":"gateway"}}]}'

-- Messages are ours and name no part of the body; only these two need an escape in JSON.
local function refuse(handle, message)
  local quoted = message:gsub('["\\]', "\\%0")
  handle:respond(
    { [":status"] = "400", ["content-type"] = "application/json" },
    (INVALID:gsub("%%s", (quoted:gsub("%%", "%%%%"))))
  )
end

function envoy_on_request(handle)
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local ok, endpoint, payload = pcall(read_call, text)
  if not ok then
    if type(endpoint) ~= "table" then
      error(endpoint, 0)
    end
    refuse(handle, endpoint.message)
    return
  end

  local headers = handle:headers()
  local methods = handle:metadata():get("methods")
  local method = methods and methods[endpoint]
  if method == "GET" or method == "DELETE" then
    if payload and payload ~= "null" then
      refuse(handle, "this endpoint is called by " .. method .. ": 'payload' must be absent or null")
      return
    end
    payload = ""
  end
  if method then
    headers:replace(":method", method)
  end

  local path = headers:get(":path")
  local service = path:match("^/api/v1/services/([^/?]+)/call")
  if find(path, "?", 1, true) then
    headers:replace(":path", path:match("^[^?]*"))
  end
  -- A name that no endpoint can have is left out: it must not become a header's value.
  local name = find(endpoint, "^[a-z0-9_-]+$") and #endpoint <= 64 and endpoint or ""
  headers:replace("x-aip-target", service .. "/" .. name)
  headers:replace("content-type", "application/json")
  headers:remove("transfer-encoding")
  headers:replace("content-length", tostring(body:setBytes(payload or "null")))
  handle:clearRouteCache()
end
