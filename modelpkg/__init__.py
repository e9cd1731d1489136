"""The sample model: salary from age."""
