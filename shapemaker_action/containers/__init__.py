"""Build contexts, Dockerfiles and the container engines that turn them into images and processes."""
