"""Columns to answers: downsampling, rates, aggregation, datapoints as text."""
