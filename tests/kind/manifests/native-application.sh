#!/bin/sh
# Starts one application by Flink's native integration. usage: native-application.sh [-Dkey=value...] JAR [ARGUMENTS...],
# where JAR is a path in the image, such as local:///opt/flink/usrlib/my-job.jar. It needs what native-session.sh needs.
exec "${FLINK_HOME:?}/bin/flink" run -t kubernetes-application \
  -Dkubernetes.cluster-id=native-application \
  -Dkubernetes.namespace=flink \
  -Dkubernetes.container.image.ref=registry.example.com/flink-with-kube-ha:2.2.1 \
  -Dkubernetes.service-account=flink \
  -Dkubernetes.pod-template-file.default="$(dirname "$0")/pod-template.yaml" \
  -Dhigh-availability.type=kubernetes \
  -Dhigh-availability.storageDir=file:///flink-storage/ha \
  -Dhigh-availability.cluster-id=/native-application \
  "$@"
