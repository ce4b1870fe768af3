"""What comes in from a network: raw events, senders, opt-outs, media."""
