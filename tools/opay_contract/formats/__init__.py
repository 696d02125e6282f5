"""The recording formats: each has one module that knows it, to be read and to be written again."""
