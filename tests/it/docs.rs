//! What is written about the program holds true.
