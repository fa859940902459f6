"""The intermediate server (中間サーバー): the organisation's side of the network."""
