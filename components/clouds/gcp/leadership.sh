# Makes the Cloud SQL instance $TARGET the one that takes writes; does nothing when it is already.
#
# Planned, and the old leader answers: a switchover, which loses nothing and leaves the old leader
# following. The old leader is gone: the designated replica fails over, or any other is promoted.
# https://docs.cloud.google.com/sql/docs/postgres/use-advanced-disaster-recovery
set -euo pipefail

sql() { gcloud sql instances "$@" --project "$PROJECT" --quiet; }
field() { sql describe "$1" --format "value($2)"; }

leads() { [ "$(field "$TARGET" instanceType)" = CLOUD_SQL_INSTANCE ]; }

switch_over() {
  old="$(field "$TARGET" masterInstanceName)"
  old="${old##*:}"
  timeout 900 gcloud sql instances patch "$old" --project "$PROJECT" --quiet \
    --failover-dr-replica-name "$TARGET" &&
    timeout 1800 gcloud sql instances switchover "$TARGET" --project "$PROJECT" --quiet
}

if leads; then
  echo "$TARGET leads already"
  exit 0
fi
switch_over ||
  leads ||
  sql promote-replica "$TARGET" --failover ||
  sql promote-replica "$TARGET"

# A replica keeps no backups of its own; a leader must.
sql patch "$TARGET" --backup-start-time 02:00 --enable-point-in-time-recovery \
  --backup-location "$LOCATION" \
  --retained-backups-count "$BACKUPS" --retained-transaction-log-days "$LOG_DAYS"
