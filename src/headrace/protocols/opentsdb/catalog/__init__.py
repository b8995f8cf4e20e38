"""What is known of names and series: their ids, what people noted about them, and which there are."""
