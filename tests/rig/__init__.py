"""The test rig: a real Kubernetes control plane and a real Flink on one machine.

Only the Python standard library is used. One job per module; `tests/README.md`
has the list.
"""
