"""Parts of screens that are used more than once. They post what a person wishes; screens answer."""
