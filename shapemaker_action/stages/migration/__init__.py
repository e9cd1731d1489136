"""From a project of the cookiecutter template to `shapemaker.yml`: read only, nothing of it is executed."""
