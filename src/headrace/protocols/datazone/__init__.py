"""Amazon DataZone's time series operations: forms of an asset, posted by the AWS CLI and SDKs."""
