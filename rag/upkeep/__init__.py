"""What looks after an index: the check-up and repair, rollback and compacting, backup, export and import."""
