"""What every system has toward people and machines over HTTP: the door of nodes, and how a page is made."""
