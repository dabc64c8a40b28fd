"""What everything else lies in: keys and networks."""
