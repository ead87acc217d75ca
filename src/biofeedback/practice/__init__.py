"""What a person does: the pace of the breath, and (later) plans and ratings."""
