"""From a recipe to the cells that have to be run."""
