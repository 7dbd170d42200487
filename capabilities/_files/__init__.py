"""Opening files below a folder so that nothing outside it can be reached, whatever others change meanwhile."""
