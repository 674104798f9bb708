#!/bin/sh
# Starts a session by Flink's native integration, which makes TaskManagers as they are needed. It needs rbac.yaml and
# native-rbac.yaml, FLINK_HOME with the jar in lib/, and a kubeconfig. Options (-Dkey=value) come on top.
exec "${FLINK_HOME:?}/bin/kubernetes-session.sh" \
  -Dkubernetes.cluster-id=native-session \
  -Dkubernetes.namespace=flink \
  -Dkubernetes.container.image.ref=registry.example.com/flink-with-kube-ha:2.2.1 \
  -Dkubernetes.service-account=flink \
  -Dkubernetes.pod-template-file.default="$(dirname "$0")/pod-template.yaml" \
  -Dkubernetes.jobmanager.replicas=2 \
  -Dhigh-availability.type=kubernetes \
  -Dhigh-availability.storageDir=file:///flink-storage/ha \
  -Dhigh-availability.cluster-id=/native-session \
  "$@"
