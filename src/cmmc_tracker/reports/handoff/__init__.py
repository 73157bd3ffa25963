"""What a package holds beside the artifacts: its manifest, the page to read it by, the program that checks it."""
