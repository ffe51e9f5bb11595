"""Two or more inventories compared: matching, agreement, the exercise of several operators."""
