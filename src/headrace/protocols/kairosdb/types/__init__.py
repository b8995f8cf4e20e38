"""Types of values: which there are, what their JSON means, and how it is spelled in answers."""
