#!/bin/sh
# Creates the namespace and the search attributes that generations carry. May run again at any time.
set -eu

namespace=${TEMPORAL_NAMESPACE:-default}
# As long as a run is kept, its key leads to it instead of to a second order.
retention=${TEMPORAL_RETENTION:-30d}

if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$namespace" --retention "$retention"
else
  temporal operator namespace create --namespace "$namespace" --retention "$retention"
fi

attributes=$(
  cat <<'ATTRIBUTES'
RunComfyModel Keyword
RunComfyRequestId Keyword
RunComfyPhase Keyword
RunComfyCostUsd Double
RunComfyQueueMs Int
RunComfyRunMs Int
RunComfyLabels KeywordList
ATTRIBUTES
)

# Waits for what the server knows a few seconds after it is in the database.
until_known() {
  attempts=0
  until "$@" >/dev/null 2>&1; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt 120 ] || exec "$@"
    sleep 1
  done
}

until_known temporal operator search-attribute list --namespace "$namespace"
known=$(temporal operator search-attribute list --namespace "$namespace" --output json)
echo "$attributes" | while read -r name type; do
  case "$known" in *"\"$name\""*) continue ;; esac
  temporal operator search-attribute create --namespace "$namespace" --name "$name" --type "$type"
done

# Every attribute can be asked for.
query=$(echo "$attributes" | sed 's/ .*/ IS NULL/' | paste -s -d '|' | sed 's/|/ AND /g')
until_known temporal workflow list --namespace "$namespace" --limit 1 --query "$query"
echo "Namespace $namespace is ready."
