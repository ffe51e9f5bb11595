"""What images have beside their pixels: masks of clouds, dates, blurred edges."""
