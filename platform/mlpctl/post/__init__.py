"""Posts reviews to pull requests on GitHub and merge requests on GitLab."""
