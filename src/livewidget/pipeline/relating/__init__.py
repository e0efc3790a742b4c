"""How columns go together: correlation and covariance, and which of two leads."""
