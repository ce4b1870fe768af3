"""Inbound traffic of a network: webhook events, senders, opt-outs, media."""
