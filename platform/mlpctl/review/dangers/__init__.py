"""What the changes of a plan may destroy, open or weaken."""
