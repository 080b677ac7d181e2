#!/bin/sh
# Makes Baton's namespace with its search attributes. Doing it again changes nothing.
set -eu

namespace="$TEMPORAL_NAMESPACE"
temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$namespace" --retention "$RETENTION"

# A namespace that is new takes some seconds to be known everywhere.
tries=0
until known="$(temporal operator search-attribute list --namespace "$namespace" 2>/dev/null)"; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || exit 1
  sleep 2
done

for name in HandoffBot HandoffDesk HandoffStatus HandoffCloseReason; do
  echo "$known" | grep -qw "$name" ||
    temporal operator search-attribute create --namespace "$namespace" --name "$name" --type Keyword
done
echo "the namespace $namespace is ready"
