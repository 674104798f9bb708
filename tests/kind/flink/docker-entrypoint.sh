#!/bin/bash
# What the entry point of Flink's published image does with the words that manifests and the native integration use.
set -eu
case "${1:-}" in
  jobmanager | taskmanager) exec "$FLINK_HOME/bin/$1.sh" start-foreground "${@:2}" ;;
  standalone-job) exec "$FLINK_HOME/bin/standalone-job.sh" start-foreground "${@:2}" ;;
  *) exec "$@" ;;
esac
