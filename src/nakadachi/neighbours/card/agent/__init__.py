"""カードエージェント: lets pages of allowed origins use the card in this machine's reader (P1, P2, L8)."""
