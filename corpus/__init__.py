"""Documents and how they get in: schema, readers, distant labelling, tokenising, shards."""
