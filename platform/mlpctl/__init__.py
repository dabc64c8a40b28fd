"""What operates the platform."""
