module flink-kube-ha/tests/kind/pause

go 1.26.0
