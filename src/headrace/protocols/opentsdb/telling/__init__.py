"""What the server tells of itself: how it is, which it is, what it can, what it does."""
