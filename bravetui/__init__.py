"""bravetui: a month of construction compliance paperwork without a network, and nothing lost."""

__version__ = "0.1.0"
