"""Facts about AWS, and about the form of credentials, each in one place, with its source."""
