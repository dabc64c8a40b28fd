"""Facts about AWS, and about how credentials look, each written once, with its source."""
