"""The catalogue: products, feeds, pictures, prices."""
