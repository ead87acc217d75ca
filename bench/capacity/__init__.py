"""How much one hub carries, and what many sites would need."""
