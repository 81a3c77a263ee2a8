"""What users may use, by their groups: shown before submission, enforced by the workers."""
