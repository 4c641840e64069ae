"""From a trained network to a promoted version: TFLite, MLflow runs and models, the gate, the aliases."""
