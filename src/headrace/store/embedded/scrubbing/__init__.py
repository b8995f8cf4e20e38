"""Reading again, behind everything else, what was sealed long ago, so that rot is found while there is a backup."""
