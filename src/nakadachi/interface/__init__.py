"""The interface system (インターフェイスシステム): one per organisation; relays and checks form."""
