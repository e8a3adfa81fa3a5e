//! Reads the repository: its files, and what they contain.

pub mod items;
pub mod lexer;
pub mod manifest;
pub mod markdown;
pub mod modules;
pub mod prose;
pub mod symbols;
pub mod tree;
pub mod uses;
