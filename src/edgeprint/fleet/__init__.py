"""From promoted models to signed files that a fleet of Pis pulls."""
