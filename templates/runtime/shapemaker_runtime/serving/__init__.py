"""Serving: in the inference image only. Falcon and gunicorn are imported nowhere else."""
