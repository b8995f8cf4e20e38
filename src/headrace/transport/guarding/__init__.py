"""Which requests reach a room's app, and what is told of those that do not."""
