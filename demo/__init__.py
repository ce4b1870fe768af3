"""The demo: three months of a coffee roaster, through the public interfaces. Nothing imports it."""
