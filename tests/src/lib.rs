//! Workspace-level tests: they run the programs as a user would. See `tests/`.
