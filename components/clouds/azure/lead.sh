# Makes a PostgreSQL server the leader of its replication set, unless it is that already, once
# its parameters are in effect. Puts out the server's private address, for other clouds to call.
#
# SERVER             resource id of this region's server
# ZONE               resource id of the private DNS zone in which Azure wrote its address
# INTENT             "lead", or "follow": then nobody is promoted, the new leader sees to it
# STATIC             names of the parameters that a server takes up when it starts
# HIGH_AVAILABILITY  what the leader's second instance shall be: ZoneRedundant or Disabled
#
# Can be run again at any time, after any failure of an earlier run.
# Source: learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas-promote

set -euo pipefail

VERSION="api-version=2025-08-01"
POLL_SECONDS="${POLL_SECONDS:-15}"
PATIENCE="${PATIENCE:-120}" # polls

get() { # resource id, JMESPath
  az rest --method get --url "$1?$VERSION" --query "$2" --output tsv
}

change() { # method, resource id, body
  az rest --method "$1" --url "$2?$VERSION" --body "$3" --output none
}

await() { # resource id, JMESPath, extended regular expression
  local found=""
  for ((poll = 0; poll < PATIENCE; poll++)); do
    found="$(get "$1" "$2" || true)"
    if [[ "$found" =~ ^($3)$ ]]; then return 0; fi
    sleep "$POLL_SECONDS"
  done
  echo "$1: $2 is still '$found', not $3" >&2
  return 1
}

leads() { [[ "$(get "$SERVER" properties.replicationRole)" =~ ^(Primary|None)$ ]]; }

promote() { # mode, option
  echo "promoting ${SERVER##*/}: $1, $2"
  change patch "$SERVER" \
    "{\"properties\":{\"replica\":{\"role\":\"Primary\",\"promoteMode\":\"$1\",\"promoteOption\":\"$2\"}}}" &&
    await "$SERVER" properties.replicationRole "Primary|None"
}

# Azure swaps roles only with the server that the leader's reader endpoint points to.
point_reader_here() { # resource id of the leader
  local endpoint
  endpoint="$(get "$1/virtualEndpoints" "value[0].name" || true)"
  endpoint="${endpoint:-${1##*/}-leader}"
  change put "$1/virtualEndpoints/$endpoint" \
    "{\"properties\":{\"endpointType\":\"ReadWrite\",\"members\":[\"${SERVER##*/}\"]}}" &&
    await "$1/virtualEndpoints/$endpoint" "properties.members[0]" "${SERVER##*/}"
}

pending() { [[ "$(get "$SERVER/configurations/$1" properties.isConfigPendingRestart)" == "true" ]]; }

for setting in $STATIC; do
  if pending "$setting"; then
    echo "restarting ${SERVER##*/}: $setting"
    change post "$SERVER/restart" "{}"
    await "$SERVER/configurations/$setting" properties.isConfigPendingRestart false
    await "$SERVER" properties.state Ready
  fi
done

if [[ "$INTENT" == "lead" ]]; then
  if ! leads; then
    leader="$(get "$SERVER" properties.sourceServerResourceId)"
    # Ready: wait until nothing is missing, then swap. Else its region is down: swap with what is
    # here; and where not even that is possible, lead alone.
    { [[ "$(get "$leader" properties.state || true)" == "Ready" ]] &&
      point_reader_here "$leader" && promote switchover planned; } ||
      promote switchover forced ||
      promote standalone forced
  fi
  if [[ "$(get "$SERVER" properties.highAvailability.mode)" != "$HIGH_AVAILABILITY" ]]; then
    await "$SERVER" properties.state Ready
    change patch "$SERVER" "{\"properties\":{\"highAvailability\":{\"mode\":\"$HIGH_AVAILABILITY\"}}}"
  fi
  await "$SERVER" properties.state Ready
fi

address="$(az rest --method get --url "$ZONE/A?api-version=2024-06-01" \
  --query "value[0].properties.aRecords[0].ipv4Address" --output tsv)"
if [[ -z "$address" ]]; then
  echo "$ZONE: there is no address of ${SERVER##*/}" >&2
  exit 1
fi
echo "${SERVER##*/} at $address shall $INTENT"
echo "{\"address\": \"$address\"}" >"$AZ_SCRIPTS_OUTPUT_PATH"
