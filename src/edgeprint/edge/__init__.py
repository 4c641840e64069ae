"""The agent on the Pi: pulls verified models and says of each device whether it is still itself."""
