"""Facts about AWS, each written once, with its source."""
