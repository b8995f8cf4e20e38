"""Questions of one downsampling and one aggregation across series, as OpenTSDB asks them."""
