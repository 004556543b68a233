"""How a message leaves the house, and how answers come in; no rule about whom to contact."""
