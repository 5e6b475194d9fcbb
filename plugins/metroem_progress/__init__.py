"""Progress: listeners that show a run or write it down."""
