"""How a node fares, for whoever asks: one reading, judged check by check, told to operators and core."""
