"""What is known of the types of resources: their records, names and machines."""
