"""The report: a folder of static pages about the warehouse, to be opened without a server."""
