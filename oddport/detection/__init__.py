"""What a detector is, who registers one, and how they are run over a capture."""
