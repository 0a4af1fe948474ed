"""What assets are handed: storage, corpus source, compute and warehouse."""
