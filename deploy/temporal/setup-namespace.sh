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

# The namespace is known to the whole server a few seconds after it is in the database.
attempts=0
until known=$(temporal operator search-attribute list --namespace "$namespace" --output json); do
  attempts=$((attempts + 1))
  [ "$attempts" -lt 30 ] || exit 1
  sleep 2
done

is_new=no
while read -r name type; do
  case "$known" in *"\"$name\""*) continue ;; esac
  temporal operator search-attribute create --namespace "$namespace" --name "$name" --type "$type"
  is_new=yes
done <<ATTRIBUTES
RunComfyModel Keyword
RunComfyRequestId Keyword
RunComfyPhase Keyword
RunComfyCostUsd Double
RunComfyQueueMs Int
RunComfyRunMs Int
ATTRIBUTES

if [ "$is_new" = yes ]; then
  echo 'Waiting a minute, once: until then parts of the server may refuse the new search attributes.'
  sleep "${SEARCH_ATTRIBUTE_WAIT_SECONDS:-65}"
fi
echo "Namespace $namespace is ready."
