"""Flink in the pods of a real kind cluster."""
