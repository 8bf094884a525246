"""Parts of screens that are used more than once. They post what a person wishes and know neither actions nor views' data flow."""
