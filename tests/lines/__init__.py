"""Every Flink line from one jar: with what Flink's own services wrote, beside them and in place of them."""
