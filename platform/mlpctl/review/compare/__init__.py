"""Whether two values differ in a way that matters."""
