"""How far devices have moved since a model was trained, and whether that calls for retraining."""
