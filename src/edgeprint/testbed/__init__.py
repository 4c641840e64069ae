"""A simulated home that writes real pcaps: device profiles as data, calendar quarters, firmware updates."""
