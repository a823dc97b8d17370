"""Wrong finders, pollers and services, and the properties that notice them."""
