"""The worker: claims runs, finishes and deliveries, and does them under a lease."""
