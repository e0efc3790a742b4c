"""What happens to alerts and events once they are found: who is told, when, and how."""
