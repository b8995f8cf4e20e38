"""The columnar query engine that the rooms share: select, group, downsample, rate, aggregate across series. Knows no
dialect."""
