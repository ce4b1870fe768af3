"""Privacy: erasure, copies of personal data, legal holds, retention."""
