"""What is known of the values of a column: units, codings, missing values, coordinates."""
