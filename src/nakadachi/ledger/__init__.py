"""情報提供等記録: what cannot be altered unseen. Never holds a code, a number or a body in the log itself."""
