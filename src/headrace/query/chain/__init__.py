"""Questions that group first and run a chain of aggregators over each group, as KairosDB asks them."""
