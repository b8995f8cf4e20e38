"""The aggregators of a question: what each is called, what it takes, and the step that it makes of that."""
