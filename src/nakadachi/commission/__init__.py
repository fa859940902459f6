"""The Commission system (個人情報保護委員会): independent oversight."""
