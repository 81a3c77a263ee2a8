"""The worker's port on rows: claims, leases, heartbeats and fences."""
