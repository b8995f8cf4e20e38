"""Files and folders of the database: names, durable steps, the lock, free space."""
