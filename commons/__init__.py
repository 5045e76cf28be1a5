"""What both programs know of pictures and Wikimedia."""
