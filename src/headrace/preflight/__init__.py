"""What can be tried of a configuration on this machine without starting, making or changing anything."""
