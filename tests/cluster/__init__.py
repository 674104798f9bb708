"""What a real Flink does on a real control plane; each module says in its name what it shows."""
