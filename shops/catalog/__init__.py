"""Products, collections, prices, pictures and feeds of a catalogue."""
