"""What computes there are, and what can be done with them."""
