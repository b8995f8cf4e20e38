"""Forms posted and deleted."""
