"""The pages in a real browser, Chromium, as people see and use them."""
