"""Components with which stacks are deployed."""
