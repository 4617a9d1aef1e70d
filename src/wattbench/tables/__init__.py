"""The data contract: the columns of every table, and the only code that writes result files."""
