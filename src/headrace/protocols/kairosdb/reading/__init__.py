"""Questions: /api/v1/datapoints/query, its aggregators and groupings."""
