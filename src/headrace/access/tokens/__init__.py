"""Tokens that `headrace token` makes: how they look, how they are checked, and how a running server hears of them."""
