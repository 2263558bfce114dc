"""What ``fastconv filter`` is made of: kernels, files, strips, the sheet."""
