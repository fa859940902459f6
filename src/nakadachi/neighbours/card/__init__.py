"""個人番号カード (stand-in): a card as a file that speaks the real card's commands, its counter, its agent for browsers (R4)."""
