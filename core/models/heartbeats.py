"""Heartbeats of workers."""

from django.db import models


class Heartbeat(models.Model):
    """When a worker last reported that it runs; read by /status."""

    name = models.CharField(primary_key=True, max_length=40)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
