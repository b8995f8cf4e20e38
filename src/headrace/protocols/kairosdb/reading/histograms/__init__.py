"""What aggregators make of histograms, as KairosDB Extensions (InscopeMetrics/kairosdb-extensions) defines it."""
