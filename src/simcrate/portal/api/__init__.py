"""The API of the portal: what the pages do, for programs."""
