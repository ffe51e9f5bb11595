"""Training patches cut from imagery and outlines."""
