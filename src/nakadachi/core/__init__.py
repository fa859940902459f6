"""The core system (コアシステム): codes, permits, the relay of inquiries, the log."""
