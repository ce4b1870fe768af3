"""The doors of hosting: the Cloud API as clients know it, and the webhook door."""
