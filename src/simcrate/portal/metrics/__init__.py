"""What a monitoring server is told of the work that is open: the numbers, the page, and its own port."""
