"""The model that all formats of a review are written from, and the words that they share."""
