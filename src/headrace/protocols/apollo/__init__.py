"""The room of Johnson Controls Apollo: devices, their time series, samples. docs/protocols/apollo.md tells users."""
