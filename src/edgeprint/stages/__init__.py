"""What each stage of the pipeline does, as plain functions; `flows/` maps them over captures and models."""
