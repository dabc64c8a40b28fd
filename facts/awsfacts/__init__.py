"""Facts about AWS, each in one place, with its source."""
