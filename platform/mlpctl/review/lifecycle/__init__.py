"""When data expires."""
