"""The nouns: a series has a name, points are columns, time is int64 milliseconds since 1970 UTC."""
