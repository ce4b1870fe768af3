"""What happens at the limits of a plan."""
