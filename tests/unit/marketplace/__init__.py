"""The marketplace's parts without processes around them."""
