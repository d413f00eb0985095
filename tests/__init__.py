"""What nnquestion promises, as tests."""
