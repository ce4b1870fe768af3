"""The journal: entries of every event of money, and their export as a journal of either side."""
