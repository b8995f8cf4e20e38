"""Who may do what: principals, how they are known, and what they are granted. Knows neither HTTP's sockets nor a
dialect."""
