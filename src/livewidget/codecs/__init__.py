"""Message formats to columns and back."""
