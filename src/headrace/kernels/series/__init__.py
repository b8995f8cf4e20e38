"""Keys and names of series: tables, symbols, the index."""
